import { randomUUID } from 'node:crypto';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';
import { attemptWrite } from '../../io/writes.ts';
import { isCovered, readForeignKeys } from './support/foreign-keys.ts';
import { indexesThatServe, indexesThatServeValues } from './support/servable-plans.ts';
import { countStatements } from './support/statement-counts.ts';
import { fromUserRelations, qualifiedName } from './support/user-tables.ts';

/** An index that no constraint lives by. */
interface IndexUse {
  name: string;
  table: string;
  /** How often it was read since the database was made. */
  scans: number;
  /** It covers a foreign key: without it a parent's row is removed slowly. */
  ofForeignKey: boolean;
  required: boolean;
  /** It can serve a hot query, or a statement that the service has really run. */
  serves: boolean;
  /** Why it may wait for its use, as the configuration says. */
  rare: string | null;
}

interface Facts {
  /** Different statements that the service has run, and those of them whose plan could not be asked. */
  statements: number;
  unplanned: number;
  indexes: IndexUse[];
}

/** Each request is made so often beside what the other gates have asked before. */
const repetitions = 5;

const indexesSql = `
  SELECT relation.relname AS plain, ${qualifiedName} AS name, i.indrelid::regclass::text AS table,
         coalesce(s.idx_scan, 0) AS scans
    FROM pg_index AS i JOIN pg_class AS relation ON relation.oid = i.indexrelid
    JOIN pg_namespace AS schema ON schema.oid = relation.relnamespace
    LEFT JOIN pg_stat_all_indexes AS s ON s.indexrelid = i.indexrelid
   WHERE relation.oid IN (SELECT relation.oid ${fromUserRelations}) AND NOT i.indisunique AND NOT i.indisexclusion
     AND i.indisvalid ORDER BY 2`;

export default defineGate<Facts>({
  id: 'database/indexes-are-used',
  severity: 'advisory',
  profile: 'commit',
  needs: ['sandbox', 'config:databaseRole', 'config:hotQueries', 'config:statements', 'config:write'],
  covers: ['db.indexes.used'],
  unit: 'indexes',
  why: 'Each write pays for every index, and a column with an index cannot be updated in place. One that nobody reads costs that for nothing, and nothing tells of it.',
  fix: 'DROP INDEX CONCURRENTLY in a migration; or, where its day is still to come, name it in statements.rareIndexes with the reason.',
  source: 'https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-ALL-INDEXES-VIEW',
  tags: ['plans'],
  // After the gates that ask the service: the more was asked, the more there is to see.
  measures: true,

  async observe(context) {
    await ask(context);
    const { config, sandbox } = context;
    const { name: role } = partOf(config, 'databaseRole');
    const counts = await withDatabase(sandbox.postgres.url, (database) =>
      countStatements(database, sandbox.databaseUrl, role),
    );
    const facts = await withDatabase(sandbox.databaseUrl, async (database) => {
      // First of all: to plan a query reads indexes, too.
      const rows = await database.query(indexesSql);
      const texts = counts.map(({ text }) => text);
      const { served, unplanned } = await whatServes(context, database, texts);
      const keys = await readForeignKeys(database);
      const foreign = new Set(
        keys.flatMap((key) => key.indexes.filter((index) => isCovered(key, index)).map(({ name }) => name)),
      );
      const { rareIndexes } = partOf(config, 'statements');
      const indexes = rows.map((row) => ({
        name: row.name ?? '',
        table: row.table ?? '',
        scans: Number(row.scans),
        ofForeignKey: foreign.has(row.name ?? ''),
        required: config.database.requiredIndexes.some(({ name }) => name === row.plain),
        serves: served.has(row.plain ?? ''),
        rare: rareIndexes.find(({ index }) => index === row.name)?.reason ?? null,
      }));
      return { statements: counts.length, unplanned, indexes };
    });
    return { examined: facts.indexes.length, facts };
  },

  judge: ({ indexes, statements }) =>
    indexes
      .filter((index) => index.scans === 0 && !index.ofForeignKey && !index.required && !index.serves)
      .filter(({ rare }) => rare === null)
      .map(({ name, table }) => ({
        message: `${name} on ${table} was never read, and can serve none of the ${statements} statements that the service has run and no hot query`,
        identity: name,
        fix: `DROP INDEX CONCURRENTLY ${name}; or name it in statements.rareIndexes with what will read it, and when.`,
      })),

  samples: {
    good: [
      sample({ scans: 3 }),
      sample({ ofForeignKey: true }),
      sample({ required: true }),
      sample({ serves: true }),
      sample({ rare: 'The yearly report is made of it.' }),
    ],
    bad: [sample({})],
  },

  /** An index on which nobody asks. */
  async sabotage(sandbox) {
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    await run(`CREATE SCHEMA preflight_sabotage;
      CREATE TABLE preflight_sabotage.asked (id integer PRIMARY KEY, note text); CREATE INDEX ON preflight_sabotage.asked (note)`);
    return async () => {
      await run('DROP SCHEMA preflight_sabotage CASCADE');
    };
  },
});

/** What is asked all day. @throws when the service does not answer as it should: then nothing was asked of its database. */
async function ask(context: Context): Promise<void> {
  const [key] = context.target.credentials.writers;
  for (let time = 0; time < repetitions; time += 1) {
    const { accepted, status } = await attemptWrite(context, { idempotencyKey: randomUUID(), writer: 0 });
    if (!accepted) throw new Error(`the write is answered ${status ?? 'not at all'}`);
    for (const { path } of partOf(context.config, 'statements').reads) {
      const read = await send(context.target.url, { method: 'GET', path }, key === undefined ? {} : { key });
      if (read.status !== 200) throw new Error(`GET ${path} answers ${read.status}`);
    }
  }
}

async function whatServes(
  { config }: Pick<Context, 'config'>,
  database: Database,
  texts: readonly string[],
): Promise<{ served: Set<string>; unplanned: number }> {
  const served = new Set<string>();
  let unplanned = 0;
  for (const text of texts) {
    const indexes = await indexesThatServe(database, text);
    if (indexes === null) unplanned += 1;
    for (const name of indexes ?? []) served.add(name);
  }
  for (const { sql, values } of partOf(config, 'hotQueries').queries) {
    for (const name of await indexesThatServeValues(database, sql, values)) served.add(name);
  }
  return { served, unplanned };
}

function sample(change: Partial<IndexUse>): Facts {
  const index = { name: 'shop.carts_idx', table: 'shop.carts', scans: 0, ofForeignKey: false, required: false };
  return { statements: 40, unplanned: 2, indexes: [{ ...index, serves: false, rare: null, ...change }] };
}
