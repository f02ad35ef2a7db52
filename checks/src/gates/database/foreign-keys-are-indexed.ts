import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { type ForeignKey, isCovered, isUsable, readForeignKeys } from './support/foreign-keys.ts';

export default defineGate<ForeignKey[]>({
  id: 'database/foreign-keys-are-indexed',
  severity: 'blocker',
  profile: 'commit',
  needs: ['database'],
  covers: ['db.indexes.foreign-keys', 'db.indexes.trading'],
  unit: 'foreign keys',
  why: 'PostgreSQL indexes what a foreign key points at, not where it points from: each delete or key change of a parent row scans the whole child table, while it holds its locks.',
  fix: 'Add an index that begins with the columns of the foreign key, outside a transaction.',
  source: 'https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK',

  async observe({ target }) {
    const facts = await withDatabase(target.databaseUrl, readForeignKeys);
    return { examined: facts.length, facts };
  },

  judge: (facts) => facts.filter((key) => !key.indexes.some((index) => isCovered(key, index))).map(uncovered),

  samples: {
    good: [
      [sample({})],
      // In another order, with more columns behind.
      [sample({ columns: ['a', 'b'], indexes: [index({ keys: ['b', 'a', 'c'] })] })],
      // One parent's row has one child's row at most, whatever the other column says.
      [sample({ columns: ['a', 'b'], indexes: [index({ keys: ['a'], unique: true })] })],
      [sample({ indexes: [index({ predicate: '(a IS NOT NULL)' })] })],
      [
        sample({
          columns: ['a', 'b'],
          indexes: [index({ keys: ['b', 'a'], predicate: '((b IS NOT NULL) AND (a IS NOT NULL))' })],
        }),
      ],
    ],
    bad: [
      [sample({ indexes: [] })],
      [sample({ indexes: [], partitioned: true })],
      [sample({ indexes: [index({ keys: ['b', 'a'] })] })],
      [sample({ columns: ['a', 'b'] })],
      [sample({ columns: ['a', 'b'], indexes: [index({ keys: ['a', 'c', 'b'] })] })],
      [
        sample({
          indexes: [index({ keys: ['a', 'b'], unique: true }), index({ keys: ['b'], unique: true })],
          columns: ['c'],
        }),
      ],
      [sample({ indexes: [index({ keys: [null, 'a'] })] })],
      [sample({ indexes: [index({ keys: [null], unique: true })] })],
      [sample({ indexes: [index({ valid: false })] })],
      [sample({ indexes: [index({ predicate: '(deleted_at IS NULL)' })] })],
      [sample({ indexes: [index({ predicate: '((a IS NOT NULL) AND (b > 0))' })] })],
      [sample({ indexes: [index({ method: 'brin' })] })],
    ],
  },

  async sabotage(sandbox) {
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    await run(`CREATE SCHEMA preflight_sabotage;
      CREATE TABLE preflight_sabotage.parent (id integer PRIMARY KEY);
      CREATE TABLE preflight_sabotage.child (parent_id integer NOT NULL REFERENCES preflight_sabotage.parent (id))`);
    return async () => {
      await run('DROP SCHEMA preflight_sabotage CASCADE');
    };
  },
});

/** What would cover it but for one thing is named, because that thing is then the fix. */
function uncovered(key: ForeignKey): Finding {
  const { name, table, references, columns, indexes } = key;
  const told = `foreign key ${name} of ${table} (${columns.join(', ')}) → ${references} is covered by no index`;
  const identity = `${table} ${name}`;
  const invalid = indexes.find((candidate) => !candidate.valid && isCovered(key, { ...candidate, valid: true }));
  if (invalid) {
    const message = `${told}: ${invalid.name} would, and it is INVALID`;
    return { message, identity, fix: `REINDEX INDEX CONCURRENTLY ${invalid.name};` };
  }
  const partial = indexes.find((candidate) => isUsable(candidate) && isCovered(key, { ...candidate, predicate: null }));
  const because = partial ? `: ${partial.name} holds only rows WHERE ${partial.predicate}` : '';
  return { message: told + because, identity, fix: createStatement(key) };
}

/** A partitioned table's index cannot be made concurrently at once: its parts are, one by one, and then attached. */
function createStatement({ table, columns, partitioned }: ForeignKey): string {
  const list = columns.join(', ');
  if (!partitioned) return `CREATE INDEX CONCURRENTLY ON ${table} (${list});`;
  return `CREATE INDEX ON ONLY ${table} (${list}); then, for each partition, CREATE INDEX CONCURRENTLY ON it (${list}); and ALTER INDEX … ATTACH PARTITION.`;
}

function index(change: Partial<ForeignKey['indexes'][number]>): ForeignKey['indexes'][number] {
  return {
    name: 'shop.lines_idx',
    keys: ['a'],
    unique: false,
    valid: true,
    predicate: null,
    method: 'btree',
    ...change,
  };
}

function sample(change: Partial<ForeignKey>): ForeignKey {
  return {
    name: 'lines_a_fkey',
    table: 'shop.lines',
    references: 'shop.parents',
    partitioned: false,
    columns: ['a'],
    indexes: [index({})],
    ...change,
  };
}
