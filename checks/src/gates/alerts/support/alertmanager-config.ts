import { parse } from 'yaml';
import { z } from 'zod';
import { secondsOf } from './durations.ts';

const routeParts = z.looseObject({
  receiver: z.string().optional(),
  group_by: z.array(z.string()).optional(),
  group_wait: z.string().optional(),
  group_interval: z.string().optional(),
});
export type Route = z.output<typeof routeParts> & { routes?: Route[] | undefined };
const route: z.ZodType<Route> = routeParts.extend({
  get routes() {
    return z.array(route).optional();
  },
});
const receiver = z.looseObject({ name: z.string() });
const configuration = z.looseObject({ route, receivers: z.array(receiver).min(1) });
export type AlertmanagerConfig = z.output<typeof configuration>;

/** What stands for a value that is filled in at installation: it suits an address, a name and a number alike. */
const filledIn = 'filled-in.example';

/** The configuration as it is once it is installed. @throws for what Alertmanager would not read either. */
export function readAlertmanager(text: string): AlertmanagerConfig {
  const read = configuration.safeParse(parse(text.replace(/\$\{\w+\}/g, filledIn), { merge: true }));
  if (read.success) return read.data;
  const faults = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`it is not what Alertmanager reads: ${faults.slice(0, 3).join('; ')}`);
}

/** https://prometheus.io/docs/alerting/latest/configuration/: only these tell nobody, unless they are told to, that it is over. */
const silentWhenResolved = new Set(['email', 'slack', 'wechat']);

/** The same timing for everybody: what is waited for is short, and what is waited between stays in the same order. */
const quickly = { group_wait: '0s', group_interval: '200ms' };

/**
 * The same routes and receivers, where each way of a receiver posts to `inbox/RECEIVER/WAY` instead, and where groups wait as
 * short as can be. How often something is repeated is left as it is.
 */
export function redirected(config: AlertmanagerConfig, inbox: string): string {
  const shorten = ({ routes, ...rest }: Route): Route => ({
    ...rest,
    ...quickly,
    ...(routes && { routes: routes.map(shorten) }),
  });
  const receivers = config.receivers.map((each) => ({
    name: each.name,
    webhook_configs: waysOf(each).map(({ way, resolved }) => ({
      url: `${inbox}/${encodeURIComponent(each.name)}/${way}`,
      send_resolved: resolved,
    })),
  }));
  const inhibitRules = config.inhibit_rules === undefined ? {} : { inhibit_rules: config.inhibit_rules };
  const intervals = config.time_intervals === undefined ? {} : { time_intervals: config.time_intervals };
  return JSON.stringify({ route: shorten(config.route), receivers, ...inhibitRules, ...intervals });
}

/** Every way of a receiver, and whether it tells that something is over. */
function waysOf(given: z.output<typeof receiver>): { way: string; resolved: boolean }[] {
  return Object.entries(given).flatMap(([key, list]) => {
    const way = /^(\w+)_configs$/.exec(key)?.[1];
    if (way === undefined || !Array.isArray(list)) return [];
    return list.map((each: { send_resolved?: boolean }) => ({
      way,
      resolved: each.send_resolved ?? !silentWhenResolved.has(way),
    }));
  });
}

/** How long each receiver waits at most before it tells of a new group, in seconds; what a route does not say, its parent says. */
export function waitsOf(config: AlertmanagerConfig): Record<string, number> {
  const waits: Record<string, number> = {};
  const visit = (each: Route, inherited: { receiver: string; wait: string }) => {
    const own = { receiver: each.receiver ?? inherited.receiver, wait: each.group_wait ?? inherited.wait };
    waits[own.receiver] = Math.max(waits[own.receiver] ?? 0, secondsOf(own.wait));
    for (const child of each.routes ?? []) visit(child, own);
  };
  // Alertmanager's own default.
  visit(config.route, { receiver: '', wait: '30s' });
  return waits;
}
