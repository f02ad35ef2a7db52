import * as z from 'zod';
import { type Route, route } from './route.ts';

/** Whether this process can serve, and if not, why. Times in milliseconds. */
export interface Readiness {
  readonly ready: boolean;
  readonly database: { readonly status: 'up' | 'down'; readonly latencyMs: number };
  readonly draining: boolean;
}

/** Which build answers, with which settings: whoever rolls out compares them. */
export interface Build {
  /** 40 hexadecimal digits; null where nobody told the process. */
  readonly commit: string | null;
  /** A fingerprint of all settings that are no secrets, as `--check-config` prints it. */
  readonly configuration: string;
}

export interface HealthDeps {
  /** Asks the database through a connection of its own; bounded in time, never throws. */
  readonly readiness: () => Promise<Readiness>;
  readonly uptimeSeconds: () => number;
  readonly build: Build;
}

const readiness = z.strictObject({
  ready: z.boolean(),
  database: z.strictObject({ status: z.enum(['up', 'down']), latencyMs: z.number() }),
  draining: z.boolean(),
});
const liveness = z.strictObject({ status: z.literal('ok'), uptimeSeconds: z.number() });
const build = { commit: z.string().nullable(), configuration: z.string(), uptimeSeconds: z.number() };
const overall = z.strictObject({
  status: z.enum(['ok', 'unavailable']),
  live: z.literal(true),
  ...readiness.shape,
  ...build,
});

/** Liveness, readiness, and both with their parts. All public: probes carry no keys. */
export function healthRoutes(deps: HealthDeps): readonly Route[] {
  const answer = (ready: boolean, body: unknown) => ({ status: ready ? 200 : 503, body });
  return [
    route({
      method: 'GET',
      path: '/health',
      summary: 'Liveness: the process answers. Never fails for a dependency.',
      access: 'public',
      responses: { 200: { description: 'alive', schema: liveness } },
      handler: async () => answer(true, { status: 'ok', uptimeSeconds: deps.uptimeSeconds() }),
    }),
    route({
      method: 'GET',
      path: '/health/ready',
      summary: 'Readiness: whether to send requests here. 503 without its database, and while draining.',
      access: 'public',
      responses: {
        200: { description: 'ready', schema: readiness },
        503: { description: 'not ready', schema: readiness },
      },
      handler: async () => {
        const report = await deps.readiness();
        return answer(report.ready, report);
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/health',
      summary: 'Liveness and readiness with their parts, and which build answers.',
      access: 'public',
      responses: {
        200: { description: 'everything is up', schema: overall },
        503: { description: 'something is down', schema: overall },
      },
      handler: async () => {
        const report = await deps.readiness();
        const status = report.ready ? 'ok' : 'unavailable';
        return answer(report.ready, {
          ...{ status, live: true, ...report },
          ...{ ...deps.build, uptimeSeconds: deps.uptimeSeconds() },
        });
      },
    }),
  ];
}
