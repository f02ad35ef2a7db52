import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { limitedAccount } from '../risk/support/limits.ts';

/** One start of the service: the run that it made, if it made one in time. */
interface Start {
  run: { actions: number; unresolved: number } | null;
  /** Differences before it, and after. */
  before: number;
  after: number;
}

interface Facts {
  withinMs: number;
  /** The first meets a difference, the second what the first has left. */
  first: Start;
  second: Start;
}

const lookEveryMs = 50;

export default defineGate<Facts>({
  id: 'workers/reconciliation-converges',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:reconciliation'],
  alone: true,
  covers: ['workers.reconciliation'],
  unit: 'starts of the service',
  why: 'Whatever a crash or a restored copy leaves half done stands until somebody compares; a service that only has the code for it, and never calls it, trades on.',
  fix: 'Compare the books when a process starts and on a schedule, put right what follows from the rest, record each run, and leave nothing for a second one.',
  source: 'https://stripe.com/blog/ledger-stripe-system-for-tracking-and-validating-money-movement',

  async observe(context) {
    const { disturb, withinMs } = partOf(context.config, 'reconciliation');
    const { account } = limitedAccount(context);
    await withDatabase(context.target.databaseUrl, (database) => database.query(disturb, [account]));
    const first = await startAndLook(context);
    const second = await startAndLook(context);
    if (first.before === 0)
      throw new Error('nothing differed after `reconciliation.disturb`: there was nothing to put right');
    return { examined: 2, facts: { withinMs, first, second } };
  },

  judge: ({ withinMs, first, second }) => [
    ...judgeStart(first, 'a start', withinMs),
    ...judgeStart(second, 'the start after it', withinMs),
    ...(first.run === null || first.run.actions > 0
      ? []
      : [
          {
            message: 'the run at a start says that it put nothing right, and there was a difference',
            identity: 'says nothing',
          },
        ]),
    ...(second.run === null || second.run.actions === 0
      ? []
      : [
          {
            message: `the run after it still put ${second.run.actions} right: one pass does not get to the end`,
            identity: 'does not converge',
          },
        ]),
  ],

  samples: {
    good: [facts({})],
    bad: [
      facts({ first: start({ run: null, before: 1, after: 1 }) }),
      facts({ first: start({ run: { actions: 1, unresolved: 0 }, before: 1, after: 1 }) }),
      facts({ first: start({ run: { actions: 0, unresolved: 0 }, before: 1, after: 0 }) }),
      facts({ first: start({ run: { actions: 1, unresolved: 2 }, before: 1, after: 0 }) }),
      facts({ second: start({ run: { actions: 1, unresolved: 0 } }) }),
    ],
  },

  /** What was put right is put wrong again at once: the books never come to rest. */
  async sabotage({ config, databaseUrl, credentials }) {
    const { disturb, table } = partOf(config, 'reconciliation');
    const account = credentials.limited?.account ?? '';
    await withDatabase(databaseUrl, async (database) => {
      await database.query(`CREATE FUNCTION public.preflight_keep() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF OLD.id = '${account}' THEN RETURN OLD; END IF; RETURN NEW; END $$`);
      await database.query(disturb, [account]);
      await database.query(`CREATE TRIGGER preflight_keep BEFORE UPDATE ON ${table} FOR EACH ROW
        EXECUTE FUNCTION public.preflight_keep()`);
    });
    return () =>
      withDatabase(databaseUrl, async (database) => {
        await database.query('DROP FUNCTION public.preflight_keep() CASCADE');
      });
  },
});

async function startAndLook(context: Context): Promise<Start> {
  const { runs, withinMs } = partOf(context.config, 'reconciliation');
  const last = `SELECT id, actions, unresolved FROM (${runs}) AS r (id, actions, unresolved) WHERE id > $1 ORDER BY id LIMIT 1`;
  return withDatabase(context.target.databaseUrl, async (database) => {
    const [newest] = await database.query(
      `SELECT coalesce(max(id), 0) AS id FROM (${runs}) AS r (id, actions, unresolved)`,
    );
    const before = await countDifferences(context);
    await context.sandbox.service.restart();
    const deadline = performance.now() + withinMs;
    for (;;) {
      const [run] = await database.query(last, [newest?.id]);
      if (run || performance.now() > deadline) {
        const told = run ? { actions: Number(run.actions), unresolved: Number(run.unresolved) } : null;
        return { run: told, before, after: await countDifferences(context) };
      }
      await delay(lookEveryMs, undefined, { signal: context.signal });
    }
  });
}

async function countDifferences({ config, target }: Context): Promise<number> {
  const sql = `SELECT n FROM (${partOf(config, 'reconciliation').differences}) AS d (n)`;
  const [row] = await withDatabase(target.databaseUrl, (database) => database.query(sql));
  return Number(row?.n);
}

function judgeStart({ run, after }: Start, when: string, withinMs: number): Finding[] {
  if (run === null)
    return [
      { message: `no run was recorded within ${withinMs} ms of ${when} of the service`, identity: `${when}: no run` },
    ];
  if (after > 0)
    return [{ message: `${after} differences stand after ${when} of the service`, identity: `${when}: differences` }];
  if (run.unresolved === 0) return [];
  return [{ message: `the run at ${when} left ${run.unresolved} to a person`, identity: `${when}: unresolved` }];
}

function start(change: Partial<Start>): Start {
  return { run: { actions: 0, unresolved: 0 }, before: 0, after: 0, ...change };
}

function facts(change: Partial<Facts>): Facts {
  return {
    withinMs: 5000,
    first: start({ run: { actions: 1, unresolved: 0 }, before: 1 }),
    second: start({}),
    ...change,
  };
}
