import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { countApplied, openScratchMigrations } from './support/scratch-migrations.ts';
import { fromUserRelations, qualifiedName } from './support/user-tables.ts';
import { isDifferent, type MigrationStep, type StepOutcome, walkMigrations } from './support/walk-migrations.ts';

const downMarker = /^--[\s-]*down migration/im;
const oldestSql = `SELECT ${qualifiedName} AS name ${fromUserRelations} AND relation.relkind = 'r'
   AND relation.oid IS DISTINCT FROM to_regclass($1) ORDER BY relation.oid LIMIT 1`;

export default defineGate<MigrationStep[]>({
  id: 'database/migrations-revert',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'pg_dump'],
  covers: ['db.migrations.automated', 'db.migrations.revert', 'db.migrations.tested'],
  unit: 'migrations',
  why: 'A way back that was never walked is found to be blocked on the night when it is needed; one that leaves something behind keeps the next release from going up.',
  fix: 'Take back in the down part exactly what the up part makes, in the opposite order, reference data too.',
  source: 'https://martinfowler.com/articles/evodb.html',
  timeoutMs: 120_000,

  async observe(context) {
    const { config, tree, target } = context;
    const files = await tree.files(config.database.migrations);
    const applied = await withDatabase(target.databaseUrl, (database) =>
      countApplied(database, config.database.bookkeeping),
    );
    if (files.length !== applied) {
      throw new Error(
        `${config.database.migrations} names ${files.length} files, and the migrated database has ${applied} migrations in ${config.database.bookkeeping}: each has to be looked at`,
      );
    }
    const scratch = await openScratchMigrations(context);
    try {
      const facts = await walkMigrations(scratch, files, context.progress);
      return { examined: facts.length, facts };
    } finally {
      await scratch.drop();
    }
  },

  judge: (facts) => facts.flatMap(judgeMigration),

  samples: {
    good: [[sample({})], [sample({}), sample({ file: 'migrations/2.sql' })]],
    bad: [
      [sample({ reverted: outcome({ failure: 'ERROR: relation "shop.carts" does not exist' }) })],
      [sample({ reverted: outcome({ schema: ['+CREATE TABLE shop.carts (', '+    id integer', '+);'] }) })],
      [sample({ reverted: outcome({ schema: ['-CREATE INDEX carts_idx ON shop.carts USING btree (id);'] }) })],
      [sample({ reverted: outcome({ contents: ['shop.currencies: 4 rows, and 3 before'] }) })],
      [sample({ reapplied: outcome({ failure: 'ERROR: type "shop.colour" already exists' }) })],
      [sample({ reapplied: outcome({ schema: ['-    price numeric,', '+    price integer,'] }) })],
      [sample({ reapplied: outcome({ contents: ['shop.currencies: 3 rows with other values'] }) })],
    ],
  },

  /** The newest migration makes one index more, on the oldest table, and its way back does not know of it. */
  async sabotage(sandbox) {
    const { bookkeeping, migrations } = sandbox.config.database;
    const newest = (await sandbox.scratch.files(migrations)).at(-1);
    if (newest === undefined) throw new Error(`${migrations} names no file`);
    const [oldest] = await withDatabase(sandbox.databaseUrl, (database) => database.query(oldestSql, [bookkeeping]));
    if (!oldest?.name) throw new Error('the migrations make no table');
    const text = await sandbox.scratch.read(newest);
    const forgotten = `\nCREATE INDEX preflight_sabotage ON ${oldest.name} ((1));\n\n`;
    const at = downMarker.exec(text)?.index ?? text.length;
    await sandbox.scratch.write(newest, text.slice(0, at) + forgotten + text.slice(at));
    return undefined;
  },
});

function judgeMigration({ file, reverted, reapplied }: MigrationStep): Finding[] {
  const findings: Finding[] = [];
  if (isDifferent(reverted)) {
    const message = describe(reverted, 'cannot be reverted', 'reverted, it does not leave what was there before it');
    findings.push({ message, file, identity: 'reverted', ...fixFor(file, reverted) });
  }
  if (reapplied && isDifferent(reapplied)) {
    const message = describe(
      reapplied,
      'cannot be applied again',
      'applied again, it does not make what it made first',
    );
    findings.push({ message, file, identity: 'reapplied' });
  }
  return findings;
}

function describe({ failure, schema, contents }: StepOutcome, failed: string, differs: string): string {
  if (failure !== null) return `${failed}: ${failure}`;
  return `${differs}: ${[...schema, ...contents].join('\n')}`;
}

/** What was left behind can be dropped by its name; what is lost or changed needs a person to say what it was. */
function fixFor(file: string, { schema }: StepOutcome): { fix?: string } {
  const drops = schema.flatMap((line) => {
    const [, index, schema = ''] = /^\+CREATE (?:UNIQUE )?INDEX (\S+) ON (?:ONLY )?([^\s.]+)\./.exec(line) ?? [];
    if (index) return [`DROP INDEX ${schema}.${index};`];
    const [, kind, name] = /^\+CREATE (TABLE|SCHEMA|SEQUENCE|TYPE|VIEW|MATERIALIZED VIEW) ([^\s(;]+)/.exec(line) ?? [];
    return kind && name ? [`DROP ${kind} ${name};`] : [];
  });
  return drops.length === 0 ? {} : { fix: `Add to the down part of ${file}: ${drops.reverse().join(' ')}` };
}

function outcome(change: Partial<StepOutcome>): StepOutcome {
  return { failure: null, schema: [], contents: [], ...change };
}

function sample(change: Partial<MigrationStep>): MigrationStep {
  return { file: 'migrations/1.sql', reverted: outcome({}), reapplied: outcome({}), ...change };
}
