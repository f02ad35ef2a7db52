import { randomUUID } from 'node:crypto';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { lineDifference } from './support/line-difference.ts';
import { dumpSchema } from './support/schema-dump.ts';
import { countApplied } from './support/scratch-migrations.ts';
import { actAsTargetDatabase } from './support/target-database.ts';

interface Facts {
  /** Migrations of this tree, and those on the books of the target. */
  files: number;
  applied: number;
  /** Lines that the target's schema has more (+) or less (-) than one that these migrations alone have made. */
  difference: string[];
  lines: number;
}

export default defineGate<Facts>({
  id: 'database/target-has-no-drift',
  severity: 'blocker',
  profile: 'release',
  needs: ['sandbox', 'pg_dump', 'config:targetDatabase'],
  covers: ['db.migrations.target'],
  unit: 'lines of the schema',
  why: 'An index that somebody added by hand at night, or a migration that stopped half-way, makes the target another database than the one that everything was tried on.',
  fix: 'Run the migrations on the target; write a migration for what was changed by hand there, or take it back.',
  source: 'https://martinfowler.com/articles/evodb.html',
  timeoutMs: 120_000,

  async observe(context) {
    const { config, sandbox, tree } = context;
    const { bookkeeping, migrations } = config.database;
    const { url } = partOf(config, 'targetDatabase');
    const files = (await tree.files(migrations)).length;
    const name = `drift_${randomUUID().replaceAll('-', '')}`;
    const scratch = await sandbox.migratedDatabase(name);
    try {
      const wanted = await withDatabase(scratch, (database) => dumpSchema(context, database, scratch, bookkeeping));
      const seen = await withDatabase(url, async (database) => ({
        applied: await countApplied(database, bookkeeping),
        schema: await dumpSchema(context, database, url, bookkeeping),
      }));
      const difference = lineDifference(withoutOwners(wanted), withoutOwners(seen.schema));
      return {
        examined: wanted.split('\n').length,
        facts: { files, applied: seen.applied, difference, lines: wanted.split('\n').length },
      };
    } finally {
      await sandbox.postgres.dropDatabase(name);
    }
  },

  judge({ files, applied, difference }) {
    const findings: Finding[] = [];
    if (applied !== files) {
      const message = `the target has ${applied} migrations on its books, and this tree has ${files}`;
      findings.push({ message, identity: 'books' });
    }
    if (difference.length > 0) {
      const message = `the target's schema is not what the migrations make: ${difference.join('\n')}`;
      findings.push({ message, identity: 'schema' });
    }
    return findings;
  },

  samples: {
    good: [sample({})],
    bad: [sample({ applied: 8 }), sample({ difference: ['+CREATE INDEX by_hand ON shop.carts USING btree (id);'] })],
  },

  prepare: async (sandbox) => actAsTargetDatabase(sandbox),

  async sabotage(sandbox) {
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    await run('CREATE TABLE public.made_by_hand (id integer PRIMARY KEY)');
    return async () => {
      await run('DROP TABLE public.made_by_hand');
    };
  },
});

/** Who owns a thing is called differently on each cluster; that the service owns none of them is another gate's. */
function withoutOwners(dump: string): string {
  return dump
    .split('\n')
    .filter((line) => !/^ALTER .* OWNER TO /.test(line))
    .join('\n');
}

function sample(change: Partial<Facts>): Facts {
  return { files: 9, applied: 9, difference: [], lines: 400, ...change };
}
