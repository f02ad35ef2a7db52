import pg from 'pg';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';

/** One statement that would change what is on record; it was rolled back. `refusal` null: the database took it. */
interface Try {
  table: string;
  statement: 'UPDATE' | 'DELETE' | 'TRUNCATE';
  refusal: string | null;
}

interface Facts {
  tries: Try[];
}

/** Class 23 and what a trigger raises, and a privilege that is not there: the database understood, and says no. */
const refusalCodes = /^(23...|P0001|42501)$/;
/** TRUNCATE wants the table for itself; whoever works on it goes first. */
const lockTimeoutMs = 4_000;

export default defineGate<Facts>({
  id: 'audit/records-cannot-be-changed',
  severity: 'blocker',
  profile: 'commit',
  needs: ['database', 'config:audit'],
  // TRUNCATE … CASCADE locks whatever refers to the table: an order that is placed meanwhile may be refused.
  alone: true,
  covers: ['audit.kept'],
  unit: 'statements tried',
  why: 'A record that can be edited proves nothing, least of all against whoever could edit it.',
  fix: 'Refuse UPDATE, DELETE and TRUNCATE on the table by a trigger, and grant the service INSERT and SELECT alone.',
  source: 'https://www.law.cornell.edu/cfr/text/17/240.17a-4',

  async observe({ config, target }) {
    const { tables } = partOf(config, 'audit');
    const tries = await withDatabase(target.databaseUrl, async (database) => {
      const seen: Try[] = [];
      for (const table of tables) seen.push(...(await tryTable(database, table)));
      return seen;
    });
    return { examined: tries.length, facts: { tries } };
  },

  judge: ({ tries }) =>
    tries
      .filter(({ refusal }) => refusal === null)
      .map(({ table, statement }) => ({
        message: `${statement} on ${table} is taken: what is on record can be ${statement === 'UPDATE' ? 'altered' : 'removed'}`,
        identity: `${statement} ${table}`,
        fix: `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION (one that raises), and REVOKE UPDATE, DELETE, TRUNCATE.`,
      })),

  samples: {
    good: [{ tries: [{ table: 'a.events', statement: 'DELETE', refusal: 'append-only' }] }],
    bad: [
      { tries: [{ table: 'a.events', statement: 'UPDATE', refusal: null }] },
      { tries: [{ table: 'a.events', statement: 'TRUNCATE', refusal: null }] },
    ],
  },

  /** What a hurried repair does, and forgets to undo. */
  async sabotage({ config, databaseUrl }) {
    const [table = ''] = partOf(config, 'audit').tables;
    const run = (sql: string) => withDatabase(databaseUrl, (database) => database.query(sql));
    await run(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
    return async () => {
      await run(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    };
  },
});

async function tryTable(database: Database, table: string): Promise<Try[]> {
  const [column] = await database.query(
    `SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0
        AND NOT attisdropped AND attidentity = '' AND attgenerated = '' ORDER BY attnum LIMIT 1`,
    [table],
  );
  if (!column?.name) throw new Error(`${table} has no column that could be written`);
  // One row is enough. A trigger for each row fires for it, one for each statement for any; an empty table refuses nothing by row.
  const one = `WHERE ctid = (SELECT ctid FROM ${table} LIMIT 1)`;
  const statements = {
    UPDATE: `UPDATE ${table} SET ${column.name} = ${column.name} ${one}`,
    DELETE: `DELETE FROM ${table} ${one}`,
    TRUNCATE: `TRUNCATE ${table} CASCADE`,
  } as const;
  const tries: Try[] = [];
  for (const statement of ['UPDATE', 'DELETE', 'TRUNCATE'] as const)
    tries.push({ table, statement, refusal: await refusalOf(database, statements[statement]) });
  return tries;
}

/** @throws what is no refusal: a lock that was not given says nothing of what would have come after it. */
async function refusalOf(database: Database, statement: string): Promise<string | null> {
  await database.query('BEGIN');
  try {
    await database.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
    await database.query(statement);
    return null;
  } catch (error) {
    if (error instanceof pg.DatabaseError && refusalCodes.test(error.code ?? '')) return error.message;
    throw error;
  } finally {
    await database.query('ROLLBACK');
  }
}
