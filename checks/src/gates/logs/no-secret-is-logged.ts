import { randomUUID } from 'node:crypto';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { type HttpRequest, send } from '../../io/http.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';

interface Facts {
  requests: number;
  lines: number;
  /** Which secret stands in which line; never the secret itself. */
  leaks: { secret: string; line: number }[];
}

interface Secret {
  name: string;
  value: string;
}

/** The log is written a moment after the answer; a service that logs nothing of a request is not waited for longer. */
const writtenWithinMs = 1_000;
const pollMs = 20;
const leaksKept = 20;

export default defineGate<Facts>({
  id: 'logs/no-secret-is-logged',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox'],
  covers: ['logs.no-secrets'],
  unit: 'lines of the log',
  why: "Logs are copied, kept and read by many: a key that reached them is everybody's, and nobody knows since when.",
  fix: 'Log what was decided, not what was sent: no headers, bodies or URLs as they came, and no text that a database wrote about a value.',
  source: 'https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html',

  async observe(context) {
    const canaries = canariesOf();
    const requests = requestsOf(context, canaries);
    const before = linesIn(await readFile(context.sandbox.service.logFile, 'utf8'));
    for (const { request, headers } of requests)
      await send(context.target.url, request, { headers, signal: context.signal });
    const log = await logAfter(context, before + requests.length);
    const lines = log.split('\n').filter((line) => line !== '');
    const secrets = [...Object.values(canaries), ...keysOf(context.sandbox)];
    const leaks = lines.flatMap((line, index) =>
      secrets.filter(({ value }) => line.includes(value)).map(({ name }) => ({ secret: name, line: index + 1 })),
    );
    return {
      examined: lines.length,
      facts: { requests: requests.length, lines: lines.length, leaks: leaks.slice(0, leaksKept) },
    };
  },

  judge: ({ leaks }) =>
    leaks.map(({ secret, line }) => ({
      message: `line ${line} of the service's log shows ${secret}`,
      identity: secret,
    })),

  samples: {
    good: [{ requests: 9, lines: 100, leaks: [] }],
    bad: [{ requests: 9, lines: 100, leaks: [{ secret: 'the Authorization header of a request', line: 7 }] }],
  },

  /** Somebody looked for a fault and logged every request as it came. The undo takes those lines out of the log again. */
  async sabotage(sandbox) {
    const { logFile } = sandbox.service;
    const marker = randomUUID();
    const stop = await sandbox.intercept((request, forward) => {
      const { method, path, headers } = request;
      appendFileSync(logFile, `${JSON.stringify({ level: 'debug', msg: 'request', marker, method, path, headers })}\n`);
      return forward(request);
    });
    return async () => {
      await stop();
      const lines = readFileSync(logFile, 'utf8').split('\n');
      writeFileSync(logFile, lines.filter((line) => !line.includes(marker)).join('\n'));
    };
  },
});

type Place = 'authorization' | 'cookie' | 'apiKeyHeader' | 'query' | 'path' | 'field' | 'unreadableBody';

function canariesOf(): Record<Place, Secret> {
  const canary = (name: string): Secret => ({ name, value: `canary${randomUUID().replaceAll('-', '')}` });
  return {
    authorization: canary('the Authorization header of a request'),
    cookie: canary('the Cookie header of a request'),
    apiKeyHeader: canary('the X-Api-Key header of a request'),
    query: canary('the query of a request'),
    path: canary('the path of a request'),
    field: canary('a field of a body'),
    unreadableBody: canary('a body that cannot be read'),
  };
}

/** Real keys as well: they are sent all the time, and the password stands in an error when the database goes away. */
function keysOf({ credentials, databaseUrl }: Sandbox): Secret[] {
  const { password } = new URL(databaseUrl);
  const named = [
    ...credentials.writers.map((value): Secret => ({ name: 'the key of a writer', value })),
    { name: 'the key of an operator', value: credentials.operator },
    { name: 'the password of the database', value: password },
  ];
  return named.filter(({ value }) => value.length >= 8);
}

interface Probe {
  request: HttpRequest;
  headers: Record<string, string>;
}

/** Every place where a client may put a secret, with and without a key that is let in. */
function requestsOf({ config, target }: Context, canaries: Record<Place, Secret>): Probe[] {
  const { authorization, cookie, apiKeyHeader, query, path, field, unreadableBody } = canaries;
  const [key = ''] = target.credentials.writers;
  const written = config.write?.request;
  const place = written?.path ?? config.service.liveness;
  const common = { cookie: `session=${cookie.value}`, 'x-api-key': apiKeyHeader.value };
  const read: HttpRequest = { method: 'GET', path: `${place}/${path.value}?token=${query.value}` };
  const probes: Probe[] = [];
  for (const credential of [`Bearer ${authorization.value}`, `Basic ${authorization.value}`, `Bearer ${key}`]) {
    probes.push({ request: read, headers: { ...common, authorization: credential } });
  }
  if (written === undefined) return probes;
  const headers = { ...common, authorization: `Bearer ${key}` };
  const { method, body } = written;
  const oneMore = { ...body, [field.value]: field.value };
  const swapped = Object.fromEntries(Object.keys(body ?? {}).map((name) => [name, field.value]));
  for (const each of [oneMore, swapped]) probes.push({ request: { method, path: place, body: each }, headers });
  const unreadable = { ...headers, 'content-type': 'application/json; charset=none' };
  probes.push({ request: { method, path: place, body: { secret: unreadableBody.value } }, headers: unreadable });
  return probes;
}

/** The log once it has a line more for each request, or after a moment as it is. */
async function logAfter({ sandbox, signal }: Context, linesWanted: number): Promise<string> {
  const { logFile } = sandbox.service;
  const deadline = performance.now() + writtenWithinMs;
  for (;;) {
    const text = await readFile(logFile, 'utf8');
    if (linesIn(text) >= linesWanted || performance.now() > deadline) return text;
    await delay(pollMs, undefined, { signal });
  }
}

function linesIn(text: string): number {
  return text.split('\n').length;
}
