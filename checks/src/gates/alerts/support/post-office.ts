import type { Config } from '../../../config.ts';
import { partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { type Inbox, openInbox, startAlertmanager } from '../../../sandbox/alertmanager.ts';
import { createDirectory, removeDirectory } from '../../../sandbox/journal.ts';
import { type AlertmanagerConfig, readAlertmanager, redirected } from './alertmanager-config.ts';

/** A real Alertmanager with the tree's routes, whose receivers all lead to one inbox. */
export interface PostOffice {
  readonly config: AlertmanagerConfig;
  readonly inbox: Inbox;
  /** Tells it that these fire, or that they are over. @throws when it does not take them. */
  post(alerts: readonly Record<string, string>[], state?: 'firing' | 'over'): Promise<void>;
  /** Waits until it holds; false when it does not within the limit. */
  until(holds: () => boolean): Promise<boolean>;
}

const untilLimitMs = 5_000;
const pollMs = 20;
/** As a rule would have them: longer than any look here takes. */
const firesForMs = 600_000;

export async function withPostOffice<T>(context: Context, look: (office: PostOffice) => Promise<T>): Promise<T> {
  const { tree, tools, signal } = context;
  const config = readAlertmanager(await tree.read(fileOf(context.config)));
  const [directory, inbox] = await Promise.all([createDirectory(), openInbox()]);
  try {
    const { url } = await startAlertmanager(directory, tools, redirected(config, inbox.url));
    return await look({
      config,
      inbox,
      post: (alerts, state = 'firing') => post(url, alerts, state, signal),
      until: (holds) => until(holds, signal),
    });
  } finally {
    await inbox.close();
    await removeDirectory(directory);
  }
}

export function fileOf(config: Config): string {
  return partOf(config, 'alerts').alertmanager;
}

async function post(
  url: string,
  alerts: readonly Record<string, string>[],
  state: 'firing' | 'over',
  signal: AbortSignal,
) {
  const now = Date.now();
  const startsAt = new Date(now - 1_000).toISOString();
  const endsAt = new Date(state === 'firing' ? now + firesForMs : now).toISOString();
  const body = JSON.stringify(alerts.map((labels) => ({ labels, startsAt, endsAt, annotations: {} })));
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body, signal });
  if (!answer.ok) throw new Error(`Alertmanager did not take an alert: ${answer.status} ${await answer.text()}`);
}

async function until(holds: () => boolean, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + untilLimitMs;
  while (!holds()) {
    signal.throwIfAborted();
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}
