import { defineGate, type Finding } from '../../engine/gate.ts';
import type { Database } from '../../io/database.ts';
import { withDatabase } from '../../io/database.ts';

interface IndexFacts {
  name: string;
  table: string;
  columns: string[];
  serves: string;
  /** Null: no index of that name is on that table. */
  found: { columns: string[]; valid: boolean; ready: boolean } | null;
  /** Whether PostgreSQL plans the query with this index when sequential scans cost too much to be chosen. */
  canServe: boolean;
}

/** Key columns in their order, as PostgreSQL prints them (the first bit of indoption: descending), without the included ones. */
const indexSql = `
  SELECT i.indisvalid AS valid, i.indisready AS ready,
         (SELECT json_agg(pg_get_indexdef(i.indexrelid, position, true)
                           || CASE i.indoption[position - 1] & 1 WHEN 1 THEN ' DESC' ELSE '' END ORDER BY position)
            FROM generate_series(1, i.indnkeyatts) AS position) AS columns
    FROM pg_index AS i
   WHERE i.indrelid = to_regclass($1) AND i.indexrelid = to_regclass($2)`;

export default defineGate<IndexFacts[]>({
  id: 'database/required-indexes-exist',
  severity: 'blocker',
  profile: 'commit',
  needs: ['database'],
  covers: [
    'db.indexes.required',
    'db.indexes.order-status',
    'db.indexes.order-expiry',
    'db.indexes.order-creation',
    'db.indexes.composite',
    'db.indexes.trading',
    'db.indexes.optimised',
    'db.migrations.tested',
  ],
  unit: 'indexes',
  why: 'A missing or invalid index turns the hot path into a scan of the whole table, on the day when the table has grown.',
  fix: 'Add the index in a migration; rebuild an invalid one with REINDEX INDEX CONCURRENTLY.',
  source: 'https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY',

  async observe({ config, target }) {
    const facts = await withDatabase(target.databaseUrl, async (database) => {
      const seen: IndexFacts[] = [];
      for (const required of config.database.requiredIndexes)
        seen.push({ ...required, ...(await look(database, required)) });
      return seen;
    });
    return { examined: facts.length, facts };
  },

  judge: (facts) => facts.flatMap(judgeIndex),

  samples: {
    good: [[sample({})]],
    bad: [
      [sample({ found: null, canServe: false })],
      [sample({ found: { columns: ['status'], valid: false, ready: true } })],
      [sample({ found: { columns: ['created_at'], valid: true, ready: true } })],
      [sample({ canServe: false })],
    ],
  },

  async sabotage(sandbox) {
    const [first] = sandbox.config.database.requiredIndexes;
    if (!first) throw new Error('preflight.config.ts requires no index');
    const name = qualified(first);
    const [definition] = await withDatabase(sandbox.databaseUrl, async (database) => {
      const rows = await database.query('SELECT pg_get_indexdef($1::regclass) AS sql', [name]);
      await database.query(`DROP INDEX ${name}`);
      return rows;
    });
    return async () => {
      await withDatabase(sandbox.databaseUrl, (database) => database.query(definition?.sql ?? ''));
    };
  },
});

function judgeIndex({ name, table, columns, serves, found, canServe }: IndexFacts): Finding[] {
  const create = `CREATE INDEX CONCURRENTLY ${name} ON ${table} (${columns.join(', ')});`;
  if (!found)
    return [
      { message: `index ${name} on ${table} does not exist`, identity: name, fix: `Add it in a migration: ${create}` },
    ];
  if (!found.valid || !found.ready) {
    return [
      {
        message: `index ${name} is INVALID: no query uses it`,
        identity: name,
        fix: `REINDEX INDEX CONCURRENTLY ${qualified({ name, table })};`,
      },
    ];
  }
  if (found.columns.join() !== columns.join()) {
    const message = `index ${name} is on (${found.columns.join(', ')}), and (${columns.join(', ')}) is required`;
    return [
      {
        message,
        identity: name,
        fix: `Replace it in a migration: DROP INDEX ${qualified({ name, table })}; ${create}`,
      },
    ];
  }
  if (!canServe) {
    return [{ message: `index ${name} cannot serve the query that it is there for: ${serves}`, identity: name }];
  }
  return [];
}

async function look(
  database: Database,
  required: Pick<IndexFacts, 'name' | 'table' | 'serves'>,
): Promise<Pick<IndexFacts, 'found' | 'canServe'>> {
  const [row] = await database.query(indexSql, [required.table, qualified(required)]);
  if (!row) return { found: null, canServe: false };
  const columns = JSON.parse(row.columns ?? '[]') as string[];
  return {
    found: { columns, valid: row.valid === 't', ready: row.ready === 't' },
    canServe: await canServe(database, required.name, required.serves),
  };
}

/** The planner's choice depends on how much data there is; what an index can do does not. So the other ways are made too dear. */
async function canServe(database: Database, index: string, sql: string): Promise<boolean> {
  await database.query('SET enable_seqscan = off; SET enable_sort = off');
  const rows = await database.query(`EXPLAIN (FORMAT JSON, COSTS OFF) ${sql}`);
  return rows.some((row) => row['QUERY PLAN']?.includes(`"Index Name": "${index}"`));
}

function qualified({ name, table }: Pick<IndexFacts, 'name' | 'table'>): string {
  return `${table.split('.')[0]}.${name}`;
}

function sample(change: Partial<IndexFacts>): IndexFacts {
  const found = { columns: ['status'], valid: true, ready: true };
  return {
    name: 'orders_status_idx',
    table: 'execution.orders',
    columns: ['status'],
    serves: 'SELECT 1',
    found,
    canServe: true,
    ...change,
  };
}
