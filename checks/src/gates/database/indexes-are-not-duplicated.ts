import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import { isOfTheUser } from './support/user-tables.ts';

interface IndexFacts {
  name: string;
  table: string;
  method: string;
  /** Key columns in their order, each with operator class, collation and direction. */
  keys: string[];
  /** Expressions, condition and included columns, as PostgreSQL prints them. */
  rest: string;
  unique: boolean;
  /** It is what a constraint lives by. */
  constraint: boolean;
  valid: boolean;
}

const indexesSql = `
  SELECT i.indexrelid::regclass AS name, i.indrelid::regclass AS table, am.amname AS method,
         (SELECT json_agg(concat_ws(' ', CASE WHEN i.indkey[k - 1] = 0 THEN pg_get_indexdef(i.indexrelid, k, false)
                     ELSE i.indkey[k - 1]::text END, i.indclass[k - 1], i.indcollation[k - 1], i.indoption[k - 1]) ORDER BY k)
            FROM generate_series(1, i.indnkeyatts) AS k) AS keys,
         concat_ws(' ', pg_get_expr(i.indpred, i.indrelid),
           (SELECT string_agg(i.indkey[k - 1]::text, ',') FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS k)) AS rest,
         i.indisunique AS unique, i.indisvalid AS valid,
         EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid) AS constraint
    FROM pg_index AS i JOIN pg_class AS relation ON relation.oid = i.indexrelid
    JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace JOIN pg_am AS am ON am.oid = relation.relam
   WHERE ${isOfTheUser} ORDER BY 2, 1`;

export default defineGate<IndexFacts[]>({
  id: 'database/indexes-are-not-duplicated',
  severity: 'warning',
  profile: 'commit',
  needs: ['database'],
  covers: ['db.indexes.optimised'],
  unit: 'indexes',
  why: 'Each write pays for every index. One that another one can stand in for costs writes and memory, and serves nothing; an INVALID one is paid for and never read.',
  fix: 'DROP INDEX CONCURRENTLY the one that the other can stand in for.',
  source: 'https://www.postgresql.org/docs/current/indexes-multicolumn.html',

  async observe({ target }) {
    const facts = await withDatabase(target.databaseUrl, readIndexes);
    return { examined: facts.length, facts };
  },

  judge: (facts) => facts.flatMap((index) => judgeIndex(index, facts)),

  samples: {
    good: [
      [sample({})],
      [sample({}), sample({ name: 'b', keys: ['2'] })],
      // Another order of columns, another condition, another table, another method.
      [sample({ keys: ['1', '2'] }), sample({ name: 'b', keys: ['2', '1'] })],
      [sample({}), sample({ name: 'b', rest: 'closed_at IS NULL' })],
      [sample({}), sample({ name: 'b', table: 'shop.lines' })],
      [sample({}), sample({ name: 'b', method: 'gin' })],
      // Whoever keeps something unique is needed, whatever serves the same queries.
      [sample({ unique: true }), sample({ name: 'b', keys: ['1', '2'] })],
      [sample({ constraint: true, unique: true }), sample({ name: 'b', keys: ['1', '2'], unique: true })],
    ],
    bad: [
      [sample({}), sample({ name: 'b' })],
      [sample({}), sample({ name: 'b', keys: ['1', '2'] })],
      [sample({}), sample({ name: 'b', unique: true, constraint: true })],
      [sample({ unique: true }), sample({ name: 'b', unique: true, constraint: true })],
      [sample({ valid: false })],
    ],
  },

  async sabotage(sandbox) {
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    const [first] = await withDatabase(sandbox.databaseUrl, readIndexes);
    if (!first) throw new Error('there is no index to double');
    await run('CREATE SCHEMA preflight_sabotage');
    await run(`CREATE TABLE preflight_sabotage.twice (id integer, at timestamptz);
      CREATE INDEX ON preflight_sabotage.twice (id); CREATE INDEX ON preflight_sabotage.twice (id, at)`);
    return async () => {
      await run('DROP SCHEMA preflight_sabotage CASCADE');
    };
  },
});

async function readIndexes(database: Database): Promise<IndexFacts[]> {
  const rows = await database.query(indexesSql);
  return rows.map((row) => ({
    name: row.name ?? '',
    table: row.table ?? '',
    method: row.method ?? '',
    keys: JSON.parse(row.keys ?? '[]') as string[],
    rest: row.rest ?? '',
    unique: row.unique === 't',
    constraint: row.constraint === 't',
    valid: row.valid === 't',
  }));
}

function judgeIndex(index: IndexFacts, all: readonly IndexFacts[]): Finding[] {
  const { name, table, valid } = index;
  if (!valid) {
    const fix = `REINDEX INDEX CONCURRENTLY ${name}; or DROP INDEX CONCURRENTLY ${name};`;
    return [{ message: `${name} on ${table} is INVALID: written, and never read`, identity: `${name} invalid`, fix }];
  }
  const other = all.find((candidate) => candidate !== index && standsIn(candidate, index, all));
  if (!other) return [];
  return [
    {
      message: `${name} on ${table} serves nothing that ${other.name} does not serve`,
      identity: name,
      fix: `DROP INDEX CONCURRENTLY ${name};`,
    },
  ];
}

/** Whether all that the one is for, the other does too. Of two equal ones the later one goes, or the one without a constraint. */
function standsIn(other: IndexFacts, index: IndexFacts, all: readonly IndexFacts[]): boolean {
  if (!other.valid || other.table !== index.table || other.method !== index.method || other.rest !== index.rest)
    return false;
  const equal = other.keys.join() === index.keys.join();
  if (equal) return rank(other, all) < rank(index, all) && (!index.unique || other.unique);
  const begins = index.method === 'btree' && index.keys.every((key, at) => other.keys[at] === key);
  return begins && !index.unique && !index.constraint;
}

function rank(index: IndexFacts, all: readonly IndexFacts[]): number {
  return (index.constraint ? 0 : index.unique ? 1 : 2) * all.length + all.indexOf(index);
}

function sample(change: Partial<IndexFacts>): IndexFacts {
  const keys = ['1'];
  return {
    name: 'a',
    table: 'shop.carts',
    method: 'btree',
    keys,
    rest: '',
    unique: false,
    constraint: false,
    valid: true,
    ...change,
  };
}
