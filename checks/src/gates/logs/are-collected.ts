import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';
import { startCollection } from './support/collector.ts';

interface Facts {
  withinMs: number;
  /** What was logged, and how long it took until the collector had it; null: it had not in time. */
  lines: { what: string; arrivedMs: number | null }[];
}

const withinMs = 8_000;
const pollMs = 50;

export default defineGate<Facts>({
  id: 'logs/are-collected',
  severity: 'warning',
  profile: 'commit',
  needs: [
    'service',
    'database',
    'sandbox',
    'rsyslogd',
    'openssl',
    'config:logCollection',
    'config:logs',
    'config:write',
  ],
  covers: [
    ...['logs.aggregated', 'logs.aggregated.whole', 'logs.analysed'],
    ...['logs.application-forwarded', 'logs.database-forwarded'],
  ],
  unit: 'kinds of lines',
  why: 'A log that stays on its host is gone with the host, and whoever breaks in deletes it first.',
  fix: 'Send what the service and its database write to a collector as it is written (deploy/logging), over TLS, with a queue on disk.',
  source: 'https://www.rsyslog.com/doc/configuration/modules/omfwd.html',

  async observe(context) {
    const collection = await startCollection(context);
    try {
      const startedAt = performance.now();
      const markers = await leaveMarks(context);
      const arrived = new Map<string, number>();
      while (arrived.size < markers.size && performance.now() - startedAt < withinMs) {
        const kept = await textUnder(collection.store);
        for (const [what, marker] of markers)
          if (!arrived.has(what) && kept.includes(marker)) arrived.set(what, Math.round(performance.now() - startedAt));
        await delay(pollMs, undefined, { signal: context.signal });
      }
      const lines = [...markers.keys()].map((what) => ({ what, arrivedMs: arrived.get(what) ?? null }));
      return { examined: lines.length, facts: { withinMs, lines } };
    } finally {
      await collection.close();
    }
  },

  judge: ({ withinMs: limitMs, lines }) =>
    lines
      .filter(({ arrivedMs }) => arrivedMs === null)
      .map(({ what }) => ({
        message: `${what} did not reach the collector within ${limitMs / 1000} s`,
        identity: what,
      })),

  samples: {
    good: [{ withinMs, lines: [{ what: 'a line of the service', arrivedMs: 40 }] }],
    bad: [{ withinMs, lines: [{ what: 'a line of the service', arrivedMs: null }] }],
  },

  /** The service was moved, and writes its log to another file than the one that is followed. */
  async sabotage({ config }) {
    const own = partOf(config, 'logCollection');
    const moved = Object.entries(own.environment).map(([name, value]) => [
      name,
      value.replaceAll('{serviceLog}', '{store}/moved'),
    ]);
    config.logCollection = { ...own, environment: Object.fromEntries(moved) };
    return async () => {
      config.logCollection = own;
    };
  },
});

/** Makes the service log an answer and a refusal, and PostgreSQL a warning: each with a word of its own. */
async function leaveMarks({ config, target, signal }: Context): Promise<Map<string, string>> {
  const { header } = partOf(config, 'logs').requestId;
  const [answered, refused, warned] = [randomUUID(), randomUUID(), randomUUID()];
  const request = { method: 'GET', path: `${partOf(config, 'write').request.path}/${randomUUID()}` };
  const ask = (key: string, id: string) => send(target.url, request, { key, headers: { [header]: id }, signal });
  await ask(target.credentials.writers[0] ?? '', answered);
  await ask(randomUUID(), refused);
  await withDatabase(target.databaseUrl, (database) => database.query(`DO $$ BEGIN RAISE WARNING '${warned}'; END $$`));
  return new Map([
    ['a line of the service', answered],
    ['a refusal at its door', refused],
    ['a line of PostgreSQL', warned],
  ]);
}

async function textUnder(directory: string): Promise<string> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n');
}
