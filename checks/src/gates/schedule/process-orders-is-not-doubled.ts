import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { type Executed, makeExecutableWrites, untilExecuted } from '../../io/executed-writes.ts';
import { send } from '../../io/http.ts';

interface Facts {
  /** Which answers mean that a cycle ran, and that one was running already. */
  ranStatus: number;
  runningStatus: number;
  /** The answer to a key that was never given out. */
  strangerStatus: number;
  /** The answer to each key that the service was given, by the name of its variable. */
  keys: { variable: string; status: number }[];
  /** What there was to do when two calls came at once. */
  work: number;
  /** What each of the two answered, and how much of the work it says that it did. */
  calls: { status: number; executed: number }[];
  /** Work that was done another number of times than once, within the time that it had. */
  wrong: Executed[];
  /** Effects in the whole database that came in meanwhile. */
  effects: number;
}

const workCount = 10;
const doneWithinMs = 5_000;
const shown = 3;

export default defineGate<Facts>({
  id: 'schedule/process-orders-is-not-doubled',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:processing', 'config:write'],
  alone: true,
  covers: [
    'schedule.cycle.by-hand',
    'schedule.cycle.not-doubled',
    'schedule.cycle.keys-rotate',
    'access.processor-endpoint',
  ],
  unit: 'orders and calls',
  why: 'Schedulers overlap: a slow call meets the next one, two servers have the same crontab. An order that both fill is bought twice.',
  fix: 'One cycle at a time, by a lock that all replicas share; claim each order inside the transaction that fills it. Compare keys in constant time, and accept two while one is rotated.',
  source: 'https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS',

  async observe(context) {
    const { keyVariables, ranStatus, runningStatus } = partOf(context.config, 'processing');
    const { environment } = context.sandbox.service;
    const keys = keyVariables.map((variable) => ({ variable, key: environment[variable] ?? '' }));
    const [first] = keys;
    if (first === undefined || keys.some(({ key }) => key === '')) {
      throw new Error(`the sandbox's environment does not set ${keyVariables.join(' and ')}`);
    }
    const strangerStatus = (await call(context, randomBytes(32).toString('hex'))).status;
    const accepted: Facts['keys'] = [];
    for (const { variable, key } of keys) accepted.push({ variable, status: (await call(context, key)).status });
    const before = await countEffects(context);
    const ids = await makeExecutableWrites(context, workCount);
    const calls = await Promise.all([call(context, first.key), call(context, first.key)]);
    const wrong = await untilExecuted(context, ids, doneWithinMs);
    const effects = (await countEffects(context)) - before;
    return {
      examined: ids.length + calls.length + keys.length + 1,
      facts: { ranStatus, runningStatus, strangerStatus, keys: accepted, work: ids.length, calls, wrong, effects },
    };
  },

  judge: (facts) => [...judgeKeys(facts), ...judgeCalls(facts), ...judgeWork(facts)],

  samples: {
    good: [
      facts({}),
      facts({ calls: [call200(4), { status: 202, executed: 0 }] }),
      facts({ calls: [call200(0), call200(0)] }),
    ],
    bad: [
      facts({ strangerStatus: 200 }),
      facts({ strangerStatus: 500 }),
      facts({
        keys: [
          { variable: 'KEY', status: 200 },
          { variable: 'KEY_NEXT', status: 401 },
        ],
      }),
      facts({ calls: [call200(10), { status: 503, executed: 0 }] }),
      facts({ calls: [call200(10), call200(10)] }),
      facts({ wrong: [{ id: 'a', times: 2 }] }),
      facts({ wrong: [{ id: 'a', times: 0 }] }),
    ],
  },

  /** Each of two calls claims all the work: what a service without a lock and without claims would say. */
  async sabotage({ config, intercept }) {
    const { request, ranStatus, executedField } = partOf(config, 'processing');
    return intercept(async (seen, forward) => {
      const answer = await forward(seen);
      if (seen.method !== request.method || seen.path !== request.path || answer.status >= 400) return answer;
      const body = Buffer.from(JSON.stringify({ [executedField]: workCount }));
      return { status: ranStatus, headers: { 'content-type': 'application/json' }, body };
    });
  },
});

async function call(context: Context, key: string): Promise<{ status: number; executed: number }> {
  const { request, ranStatus, executedField } = partOf(context.config, 'processing');
  const { status, text } = await send(context.target.url, request, { key, signal: context.signal });
  if (status !== ranStatus) return { status, executed: 0 };
  return { status, executed: z.object({ [executedField]: z.number() }).parse(JSON.parse(text))[executedField] ?? 0 };
}

async function countEffects(context: Context): Promise<number> {
  const sql = `SELECT count(*) AS n FROM (${partOf(context.config, 'processing').effects}) AS e (id)`;
  const [row] = await withDatabase(context.target.databaseUrl, (database) => database.query(sql));
  return Number(row?.n);
}

function judgeKeys({ strangerStatus, keys, ranStatus, runningStatus }: Facts): Finding[] {
  const findings: Finding[] = [];
  if (strangerStatus !== 401 && strangerStatus !== 403)
    findings.push({ message: `a key that was never given out was answered ${strangerStatus}: 401 is wanted` });
  for (const { variable, status } of keys)
    if (status !== ranStatus && status !== runningStatus)
      findings.push({
        message: `the key of ${variable} was answered ${status}: a scheduler that has it is refused`,
        identity: variable,
      });
  return findings;
}

function judgeCalls({ calls, effects, ranStatus, runningStatus }: Facts): Finding[] {
  const findings: Finding[] = calls
    .filter(({ status }) => status !== ranStatus && status !== runningStatus)
    .map(({ status }) => ({
      message: `of two calls at once, one was answered ${status}: ${ranStatus} or ${runningStatus} is wanted`,
      identity: 'answers of two calls at once',
    }));
  const claimed = calls.reduce((sum, { executed }) => sum + executed, 0);
  if (claimed > effects)
    findings.push({
      message: `two calls at once say that they executed ${claimed}, and ${effects} were: work was done, or counted, twice`,
      identity: 'work of two calls at once',
    });
  return findings;
}

function judgeWork({ wrong, work }: Facts): Finding[] {
  const [twice, never] = [wrong.filter(({ times }) => times > 1), wrong.filter(({ times }) => times === 0)];
  const name = (some: Facts['wrong']) =>
    some
      .slice(0, shown)
      .map(({ id, times }) => `${id} (${times})`)
      .join(', ');
  return [
    ...(twice.length === 0
      ? []
      : [{ message: `${twice.length} of ${work} were executed more than once: ${name(twice)}`, identity: 'doubled' }]),
    ...(never.length === 0
      ? []
      : [
          {
            message: `${never.length} of ${work} were not executed within ${doneWithinMs / 1000} s of the calls: ${name(never)}`,
            identity: 'left undone',
          },
        ]),
  ];
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ ranStatus: 200, runningStatus: 202, strangerStatus: 401, work: 10, wrong: [], effects: 10 },
    keys: [{ variable: 'KEY', status: 200 }],
    calls: [call200(10), call200(0)],
    ...change,
  };
}

function call200(executed: number): Facts['calls'][number] {
  return { status: 200, executed };
}
