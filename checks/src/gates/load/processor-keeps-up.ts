import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Executed, makeExecutableWrites, untilExecuted } from '../../io/executed-writes.ts';
import { send } from '../../io/http.ts';
import { sideBySide } from '../http/support/side-by-side.ts';

interface Facts {
  pending: number;
  /** Pending writes that were not executed exactly once in the time they had. */
  wrong: Executed[];
  /** From the moment that the last one was accepted until all were executed. */
  executedAfterMs: number;
  calls: { status: number | null; ms: number }[];
  expected: number[];
}

const pendingWrites = 60;
const callsAtOnce = 100;
/** A scheduler calls every few minutes: what takes longer than this meets its own next call. */
const doneWithinMs = 10_000;
const callWithinMs = 5_000;
const shown = 3;

export default defineGate<Facts>({
  id: 'load/processor-keeps-up',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:processing', 'config:write'],
  measures: true,
  covers: ['load.pending-orders', 'load.processing', 'load.heartbeats'],
  unit: 'orders and calls',
  why: 'Orders come due together, when the price moves: a processor that does them one by one, or is called by everybody at once, is late just then.',
  fix: 'Claim what is due in sets, one statement each, and let all calls but one go home at once.',
  source: 'https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE',
  timeoutMs: 60_000,

  async observe(context) {
    const { ranStatus, runningStatus, keyVariables } = partOf(context.config, 'processing');
    const key = context.sandbox.service.environment[keyVariables[0] ?? ''];
    if (!key) throw new Error(`the sandbox's environment does not set ${keyVariables[0]}`);
    const ids = await makeExecutableWrites(context, pendingWrites);
    const startedAt = performance.now();
    const [calls, wrong] = await Promise.all([
      sideBySide(Array(callsAtOnce).fill(key), callsAtOnce, (each: string) => call(context, each)),
      untilExecuted(context, ids, doneWithinMs),
    ]);
    const executedAfterMs = Math.round(performance.now() - startedAt);
    const facts = { pending: ids.length, wrong, executedAfterMs, calls, expected: [ranStatus, runningStatus] };
    return { examined: ids.length + calls.length, facts };
  },

  judge: ({ pending, wrong, calls, expected }) => {
    const finding = (identity: string, message: string): Finding => ({ message, identity });
    const late = wrong.filter(({ times }) => times === 0).length;
    const doubled = wrong.filter(({ times }) => times > 1).map(({ id }) => id);
    const refused = calls.filter(({ status }) => status === null || !expected.includes(status));
    const slow = calls.filter(({ ms }) => ms > callWithinMs);
    return [
      ...(late > 0
        ? [
            finding(
              'late',
              `${late} of ${pending} orders that were due together were not executed within ${doneWithinMs / 1_000} s`,
            ),
          ]
        : []),
      ...(doubled.length > 0
        ? [
            finding(
              'doubled',
              `${doubled.length} orders were executed more than once: ${doubled.slice(0, shown).join(', ')}`,
            ),
          ]
        : []),
      ...(refused.length > 0
        ? [
            finding(
              'refused',
              `${refused.length} of ${calls.length} calls at once were answered ${refused[0]?.status ?? 'not at all'}`,
            ),
          ]
        : []),
      ...(slow.length > 0
        ? [
            finding(
              'slow',
              `${slow.length} of ${calls.length} calls at once took longer than ${callWithinMs / 1_000} s`,
            ),
          ]
        : []),
    ];
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ wrong: [{ id: 'a', times: 0 }] }),
      facts({ wrong: [{ id: 'a', times: 2 }] }),
      facts({ calls: [{ status: 503, ms: 20 }] }),
      facts({ calls: [{ status: null, ms: 20 }] }),
      facts({ calls: [{ status: 202, ms: 6_000 }] }),
    ],
  },

  /** So many calls at once are more than something in between lets through. */
  async sabotage(sandbox) {
    const { request } = partOf(sandbox.config, 'processing');
    let underWay = 0;
    return sandbox.intercept(async (seen, forward) => {
      if (seen.method !== request.method || seen.path !== request.path) return forward(seen);
      if (underWay >= 10) return { status: 503, headers: {}, body: Buffer.from('') };
      underWay += 1;
      try {
        return await forward(seen);
      } finally {
        underWay -= 1;
      }
    });
  },
});

async function call({ config, target, signal }: Context, key: string): Promise<Facts['calls'][number]> {
  const startedAt = performance.now();
  const took = () => Math.round(performance.now() - startedAt);
  try {
    const options = { key, signal, timeoutMs: doneWithinMs };
    const { status } = await send(target.url, partOf(config, 'processing').request, options);
    return { status, ms: took() };
  } catch {
    // No answer is a fact for the judge.
    return { status: null, ms: took() };
  }
}

function facts(change: Partial<Facts>): Facts {
  const calls = [
    { status: 200, ms: 40 },
    { status: 202, ms: 12 },
  ];
  return { pending: 60, wrong: [], executedAfterMs: 300, calls, expected: [200, 202], ...change };
}
