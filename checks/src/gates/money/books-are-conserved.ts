import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import { askExecutableWrites, untilExecuted } from '../../io/executed-writes.ts';
import { type InvariantSeen, readInvariants } from '../../io/invariants.ts';

interface Facts {
  /** Writes that were executed before anything was asked, so that there is something to add up. */
  trades: number;
  invariants: InvariantSeen[];
  /** Whether the database let a cent from nowhere be committed. It was tried in a transaction that was rolled back. */
  centFromNowhere: 'refused' | 'accepted';
}

const tradeCount = 20;
const tradedWithinMs = 10_000;
/** SQLSTATE class: integrity constraint violation. */
const constraintViolation = /^23/;

export default defineGate<Facts>({
  id: 'money/books-are-conserved',
  severity: 'blocker',
  profile: 'commit',
  unwaivable: true,
  needs: ['service', 'database', 'sandbox', 'config:processing', 'config:write', 'config:books'],
  covers: ['money.conserved'],
  unit: 'rows',
  why: 'Cash that is lost or made up in a fill shows in no log and no latency; it is found by an auditor, and then nobody knows since when.',
  fix: 'Write a fill, its cash, its position and its reservation in one transaction, with exact decimals; let a constraint compare them at commit.',
  source: 'https://www.postgresql.org/docs/current/sql-createtrigger.html',

  async observe(context) {
    const trades = await trade(context);
    const { misplace } = partOf(context.config, 'books');
    const { databaseUrl } = context.target;
    const centFromNowhere = await withDatabase(databaseUrl, (database) => tryToMisplace(database, misplace));
    const invariants = await withDatabase(databaseUrl, (database) =>
      readInvariants(database, context.config.database.invariants),
    );
    // An account that does not add up may well refuse to trade: that is no reason not to say so.
    if (trades === 0 && invariants.every(({ violations }) => violations === 0))
      throw new Error(`none of ${tradeCount} orders was executed: there is nothing to add up`);
    const examined = invariants.reduce((sum, { looksAt }) => sum + looksAt, 0);
    return { examined, facts: { trades, invariants, centFromNowhere } };
  },

  judge: ({ invariants, centFromNowhere }) => [
    ...invariants.filter(({ violations }) => violations > 0).map(findingOf),
    ...(centFromNowhere === 'refused'
      ? []
      : [
          {
            message:
              'a cent that came from nowhere can be committed: no constraint compares the balance with what explains it',
            identity: 'no constraint',
            fix: 'Keep running totals of what explains a balance, and compare them in a deferred constraint trigger.',
          },
        ]),
  ],

  samples: {
    good: [facts({}), facts({ invariants: [invariant({}), invariant({ name: 'overfills', looksAt: 0 })] })],
    bad: [
      facts({ invariants: [invariant({ violations: 1, examples: ['(7,0.01)'] })] }),
      facts({ invariants: [invariant({ looksAt: 0, violations: 2, examples: ['(7,0.01)', '(8,-0.01)'] })] }),
      facts({ centFromNowhere: 'accepted' }),
    ],
  },

  /** A cent from nowhere, put where no trigger and no constraint looks: as by a superuser's hand, or a restore gone wrong. */
  async sabotage({ config, databaseUrl }) {
    const { misplace, restore } = partOf(config, 'books');
    const behindTriggers = (sql: string) =>
      withDatabase(databaseUrl, async (database) => {
        await database.query('SET session_replication_role = replica');
        await database.query(sql);
      });
    await behindTriggers(misplace);
    return () => behindTriggers(restore);
  },
});

/** How many of the writes were executed. Those that were executed twice are for the invariants to find. */
async function trade(context: Context): Promise<number> {
  const { ids } = await askExecutableWrites(context, tradeCount);
  const wrong = await untilExecuted(context, ids, tradedWithinMs);
  return ids.length - wrong.filter(({ times }) => times === 0).length;
}

/** Deferred constraints are asked at once, so that nothing has to be committed to hear what they say. */
async function tryToMisplace(database: Database, misplace: string): Promise<Facts['centFromNowhere']> {
  await database.query('BEGIN');
  try {
    await database.query(misplace);
    await database.query('SET CONSTRAINTS ALL IMMEDIATE');
    return 'accepted';
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (typeof code === 'string' && constraintViolation.test(code)) return 'refused';
    throw error;
  } finally {
    await database.query('ROLLBACK');
  }
}

function findingOf({ name, looksAt, violations, examples }: InvariantSeen): Finding {
  const example = examples[0] === undefined ? '' : `, such as ${examples[0]}`;
  return { message: `of ${looksAt} rows ${violations} break "${name}"${example}`, identity: name };
}

function invariant(change: Partial<InvariantSeen>): InvariantSeen {
  return { name: 'cash adds up', looksAt: 11, violations: 0, examples: [], ...change };
}

function facts(change: Partial<Facts>): Facts {
  return { trades: tradeCount, invariants: [invariant({})], centFromNowhere: 'refused', ...change };
}
