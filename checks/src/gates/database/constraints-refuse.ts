import pg from 'pg';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import { isOfTheUser } from './support/user-tables.ts';

/** One try of raw SQL; it was rolled back. `refusedBy` null: the database took it. */
interface Try {
  name: string;
  by: string;
  refusedBy: { code: string; constraint: string | null; message: string } | null;
}

interface Facts {
  tries: Try[];
  /** Constraints that are there, and hold for new rows alone or not at all: `table constraint`. */
  unenforced: string[];
  constraints: number;
}

/** Class 23, what a trigger raises, and a missing right: the database understood, and says no. Anything else is no answer. */
const refusalCodes = /^(23...|P0001|42501)$/;

/** A foreign key lives by its triggers: switched off, it is still listed as a constraint. */
const constraintsSql = `
  SELECT c.conrelid::regclass || ' ' || c.conname AS name,
         c.convalidated AND NOT EXISTS (SELECT FROM pg_trigger AS t
           WHERE t.tgconstraint = c.oid AND t.tgenabled NOT IN ('O', 'A')) AS enforced
    FROM pg_constraint AS c JOIN pg_class AS relation ON relation.oid = c.conrelid
    JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace
   WHERE c.contype IN ('c', 'f', 'u', 'p', 'x', 't') AND ${isOfTheUser} ORDER BY 1`;

export default defineGate<Facts>({
  id: 'database/constraints-refuse',
  severity: 'blocker',
  profile: 'commit',
  needs: ['database', 'config:refusals'],
  covers: ['db.foreign-keys.enforced', 'db.migrations.tested', 'orders.fills-unique'],
  unit: 'constraints and tries',
  why: 'What only the code refuses, the next script, worker or version lets in, and books that do not add up are found at the end of the month.',
  fix: 'Refuse it by a constraint, a trigger or a right that the role does not have.',
  source: 'https://www.postgresql.org/docs/current/ddl-constraints.html',

  async observe({ config, target }) {
    const refusals = partOf(config, 'refusals');
    const constraints = await withDatabase(target.databaseUrl, (database) => database.query(constraintsSql));
    const tries = await withDatabase(target.serviceDatabaseUrl, async (database) => {
      const seen: Try[] = [];
      for (const { name, given, attempt, by } of refusals) {
        seen.push({ name, by, refusedBy: await tryOnce(database, name, given, attempt) });
      }
      return seen;
    });
    const unenforced = constraints.filter(({ enforced }) => enforced !== 't').map(({ name }) => name ?? '');
    const facts = { tries, unenforced, constraints: constraints.length };
    return { examined: tries.length + constraints.length, facts };
  },

  judge: ({ tries, unenforced }) => [
    ...tries.flatMap(judgeTry),
    ...unenforced.map((name) => ({
      message: `the constraint ${name} is there and is not enforced: NOT VALID, or its triggers are switched off`,
      identity: name,
      fix: `ALTER TABLE ${name.replace(' ', ' VALIDATE CONSTRAINT ')}; or ALTER TABLE … ENABLE TRIGGER ALL;`,
    })),
  ],

  samples: {
    good: [sample({}), sample({ by: '42501', refusedBy: { code: '42501', constraint: null, message: 'denied' } })],
    bad: [
      sample({ refusedBy: null }),
      sample({ refusedBy: { code: '23514', constraint: 'fills_quantity_check', message: 'violates' } }),
      { ...sample({}), unenforced: ['shop.carts carts_owner_fkey'] },
    ],
  },

  /** What a restore or a bulk load does for speed, and forgets to undo. */
  async sabotage(sandbox) {
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    const [first] = await run(`SELECT c.conrelid::regclass AS table FROM pg_constraint AS c
      JOIN pg_class AS relation ON relation.oid = c.conrelid JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace
      WHERE c.contype = 'f' AND ${isOfTheUser} ORDER BY c.oid LIMIT 1`);
    if (!first) throw new Error('there is no foreign key to switch off');
    await run(`ALTER TABLE ${first.table} DISABLE TRIGGER ALL`);
    return async () => {
      await run(`ALTER TABLE ${first.table} ENABLE TRIGGER ALL`);
    };
  },
});

/** @throws when it could not be tried: what has to be there cannot be made, or the attempt is no statement that could be refused. */
async function tryOnce(
  database: Database,
  name: string,
  given: readonly string[],
  attempt: string,
): Promise<Try['refusedBy']> {
  await database.query('BEGIN');
  try {
    for (const sql of given) await database.query(sql);
    // What is deferred is asked at once, as the commit would ask it.
    return await refusal(database, `${attempt}; SET CONSTRAINTS ALL IMMEDIATE`);
  } catch (error) {
    throw new Error(`"${name}" could not be tried: ${(error as Error).message}`, { cause: error });
  } finally {
    await database.query('ROLLBACK');
  }
}

async function refusal(database: Database, sql: string): Promise<Try['refusedBy']> {
  try {
    await database.query(sql);
    return null;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || !refusalCodes.test(error.code ?? '')) throw error;
    return { code: error.code ?? '', constraint: error.constraint ?? null, message: error.message };
  }
}

function judgeTry({ name, by, refusedBy }: Try): Finding[] {
  if (refusedBy === null)
    return [{ message: `${name}: the database takes it, and ${by} should refuse it`, identity: name }];
  if (refusedBy.constraint === by || refusedBy.code === by) return [];
  const { constraint, code, message } = refusedBy;
  return [
    {
      message: `${name}: refused by ${constraint ?? code} and not by ${by}, so that nobody knows whether ${by} would: ${message}`,
      identity: name,
      fix: 'Write the attempt so that it is right in all but the one thing, or name what refuses it.',
    },
  ];
}

function sample(change: Partial<Try>): Facts {
  const refusedBy = { code: '23505', constraint: 'fills_venue_id_key', message: 'duplicate key value' };
  const each = { name: 'the same fill twice', by: 'fills_venue_id_key', refusedBy, ...change };
  return { tries: [each], unenforced: [], constraints: 40 };
}
