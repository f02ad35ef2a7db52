import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type HttpRequest, send } from '../../io/http.ts';
import { nobodysAddress, wrongKeyLike } from '../access/support/strangers.ts';
import { limitedAccount, limitsRequest } from '../risk/support/limits.ts';

type Kind = keyof NonNullable<NonNullable<Config['logs']>['security']>;

/** What was done, and what the log says of it. */
interface Seen {
  kind: Kind;
  /** What the last request of it was answered. */
  status: number;
  told: boolean;
  /** Whether the line names who or what did it: the address that the trusted proxy saw, or somebody. */
  named: boolean;
  /** Whether the line shows the key that was sent. */
  showsKey: boolean;
}

interface Facts {
  events: Seen[];
}

const writtenWithinMs = 1_500;
const pollMs = 25;
const inWords: Readonly<Record<Kind, string>> = {
  wrongKey: 'a wrong key',
  lockedOut: 'a lockout',
  forbidden: 'a request beyond its role',
  rateLimited: 'a client past its limit',
  killSwitch: 'a change of the kill switch',
  limits: 'a change of risk limits',
};

export default defineGate<Facts>({
  id: 'logs/security-events-are-logged',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:logs', 'config:access', 'config:killSwitch', 'config:risk'],
  covers: ['logs.security-events'],
  unit: 'kinds of events',
  why: 'A break-in is found in the log or not at all, and a line without an address or a name leads to nobody.',
  fix: 'Log each refusal at the door and each change of a switch or limit: a constant message, the client address as the trusted proxy saw it, the id of the key, never the key.',
  source: 'https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html',

  async observe(context) {
    const { lockout, rateLimit, behindOneProxy } = partOf(context.config, 'access');
    const environment = { ...behindOneProxy, ...lockout.environment, ...rateLimit.environment };
    const replica = await context.sandbox.startReplica(environment);
    try {
      const done: Done[] = [];
      for (const event of eventsOf(context)) done.push(await carryOut(context, replica.url, event));
      const events = await readEvents(context, replica.logFile, done);
      return { examined: events.length, facts: { events } };
    } finally {
      await replica.close();
    }
  },

  judge: ({ events }) =>
    events.flatMap(({ kind, status, told, named, showsKey }): Finding[] => {
      const what = inWords[kind];
      if (!told)
        return [{ message: `${what} (answered ${status}) left no line in the log`, identity: `untold ${kind}` }];
      return [
        ...(named ? [] : [{ message: `the line of ${what} does not say who it was`, identity: `unnamed ${kind}` }]),
        ...(showsKey ? [{ message: `the line of ${what} shows the key that was sent`, identity: `key ${kind}` }] : []),
      ];
    }),

  samples: {
    good: [{ events: [{ kind: 'wrongKey', status: 401, told: true, named: true, showsKey: false }] }],
    bad: [
      { events: [{ kind: 'lockedOut', status: 401, told: false, named: false, showsKey: false }] },
      { events: [{ kind: 'forbidden', status: 403, told: true, named: false, showsKey: false }] },
      { events: [{ kind: 'wrongKey', status: 401, told: true, named: true, showsKey: true }] },
    ],
  },

  /** Something in front gives another address for everybody: what the log then says of who it was is wrong. */
  async sabotage(sandbox) {
    const somebody = nobodysAddress();
    return sandbox.intercept((request, forward) =>
      forward({ ...request, headers: { ...request.headers, 'x-forwarded-for': somebody } }),
    );
  },
});

/** What makes one kind of event happen. */
interface Event {
  kind: Kind;
  request: HttpRequest;
  key?: string;
  times: number;
  /** Whether its line has to name the client's address; else it names whoever changed something. */
  byAddress: boolean;
}

interface Done extends Event {
  address: string;
  requestId: string;
  status: number;
}

function eventsOf(context: Context): Event[] {
  const { read, lockout, rateLimit } = partOf(context.config, 'access');
  const { engage, clear } = partOf(context.config, 'killSwitch');
  const { account } = limitedAccount(context);
  const { writers, operator } = context.target.credentials;
  const asks: HttpRequest = { method: 'GET', path: read };
  const wrong = wrongKeyLike(writers[0] ?? '');
  const byAddress = true;
  const limits = limitsRequest(context.config, partOf(context.config, 'risk').reset, { account });
  return [
    { kind: 'wrongKey', request: asks, key: wrong, times: 1, byAddress },
    { kind: 'lockedOut', request: asks, key: wrong, times: lockout.failuresPerKey, byAddress },
    { kind: 'rateLimited', request: asks, times: rateLimit.perMinute + 1, byAddress },
    { kind: 'forbidden', request: engage, key: writers[0] ?? '', times: 1, byAddress: false },
    { kind: 'killSwitch', request: clear, key: operator, times: 1, byAddress: false },
    { kind: 'limits', request: limits, key: operator, times: 1, byAddress: false },
  ];
}

/** Each from an address of its own, with one request id, which is that of whatever line tells of it. */
async function carryOut({ config, signal }: Context, url: string, event: Event): Promise<Done> {
  const { header } = partOf(config, 'logs').requestId;
  const [address, requestId] = [nobodysAddress(), randomUUID()];
  const headers = { 'x-forwarded-for': address, [header]: requestId };
  const { request, key } = event;
  let status = 0;
  for (let sent = 0; sent < event.times; sent += 1)
    status = (await send(url, request, { ...(key === undefined ? {} : { key }), headers, signal })).status;
  return { ...event, address, requestId, status };
}

/** What the log says once it tells of everything, or after a moment as it is. */
async function readEvents({ config, signal }: Context, logFile: string, done: readonly Done[]): Promise<Seen[]> {
  const deadline = performance.now() + writtenWithinMs;
  for (;;) {
    // What follows the last line break is still being written.
    const lines = (await readFile(logFile, 'utf8')).split('\n').slice(0, -1);
    const seen = done.map((each) => look(config, lines, each));
    if (seen.every(({ told }) => told) || performance.now() > deadline) return seen;
    await delay(pollMs, undefined, { signal });
  }
}

function look(config: Config, lines: readonly string[], done: Done): Seen {
  const { message, requestId, security } = partOf(config, 'logs');
  const wanted = security?.[done.kind];
  if (!wanted) throw new Error('logs.security in preflight.config.ts does not say how the log tells of these events');
  const own = lines.filter((line) => line.includes(done.requestId));
  const found = own.find((line) => {
    const record = JSON.parse(line) as Record<string, unknown>;
    const fields = { [requestId.field]: done.requestId, [message]: wanted.message, ...wanted.fields };
    return Object.entries(fields).every(([name, value]) => record[name] === value);
  });
  const who = found === undefined ? undefined : (JSON.parse(found) as Record<string, unknown>)[wanted.who];
  const named = done.byAddress ? who === done.address : typeof who === 'string' && who.trim() !== '';
  const showsKey = done.key !== undefined && own.some((line) => line.includes(done.key ?? ''));
  return { kind: done.kind, status: done.status, told: found !== undefined, named, showsKey };
}
