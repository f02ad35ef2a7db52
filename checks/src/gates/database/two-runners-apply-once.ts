import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { lastLines } from '../../io/exec.ts';
import { lineDifference } from './support/line-difference.ts';
import { dumpSchema } from './support/schema-dump.ts';
import { countApplied } from './support/scratch-migrations.ts';

interface Facts {
  files: number;
  applied: number;
  /** How each runner ended; null: well. */
  runners: (string | null)[];
  /** Against a database that one runner has made. */
  difference: string[];
}

const runners = 2;
const runTimeoutMs = 60_000;

export default defineGate<Facts>({
  id: 'database/two-runners-apply-once',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'pg_dump'],
  covers: ['db.migrations.once'],
  unit: 'migrations of each runner',
  why: 'Two replicas that start at once both migrate. Without a lock between them a migration runs twice, or one of the replicas fails and takes the roll-out with it.',
  fix: 'Take an advisory lock around all migrations, and wait for it.',
  source: 'https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS',
  timeoutMs: 120_000,

  async observe(context) {
    const { config, sandbox, tree, tools } = context;
    const { bookkeeping, migrate } = config.database;
    const files = (await tree.files(config.database.migrations)).length;
    const [name, single] = [`runners_${suffix()}`, `runner_${suffix()}`];
    const url = await sandbox.postgres.createDatabase(name);
    const alone = await sandbox.migratedDatabase(single);
    try {
      const [program = '', ...args] = migrate;
      const env = { PATH: tools.environment.PATH, TZ: 'UTC', DATABASE_URL: url };
      const results = await Promise.all(
        Array.from({ length: runners }, () => context.exec(program, args, { env, timeoutMs: runTimeoutMs })),
      );
      const schemaOf = (at: string) => withDatabase(at, (database) => dumpSchema(context, database, at, bookkeeping));
      const applied = await withDatabase(url, (database) => countApplied(database, bookkeeping));
      const difference = lineDifference(await schemaOf(alone), await schemaOf(url));
      const ends = results.map((result) => (result.code === 0 ? null : lastLines(result)));
      return { examined: files * runners, facts: { files, applied, runners: ends, difference } };
    } finally {
      await sandbox.postgres.dropDatabase(name);
      await sandbox.postgres.dropDatabase(single);
    }
  },

  judge({ files, applied, runners: ends, difference }) {
    const findings: Finding[] = ends
      .filter((end) => end !== null)
      .map((end) => ({ message: `one of two runners at once failed: ${end}`, identity: 'failed' }));
    if (applied !== files) {
      findings.push({
        message: `two runners at once entered ${applied} migrations, and there are ${files}`,
        identity: 'books',
      });
    }
    if (difference.length > 0) {
      const message = `what two runners make at once is not what one makes: ${difference.join('\n')}`;
      findings.push({ message, identity: 'schema' });
    }
    return findings;
  },

  samples: {
    good: [{ files: 3, applied: 3, runners: [null, null], difference: [] }],
    bad: [
      { files: 3, applied: 3, runners: [null, 'relation "carts" already exists'], difference: [] },
      { files: 3, applied: 5, runners: [null, null], difference: [] },
      { files: 3, applied: 3, runners: [null, null], difference: ['+CREATE INDEX carts_idx1'] },
    ],
  },

  /** A runner that gives up where it should wait. */
  async sabotage({ config, directory }) {
    const { migrate } = config.database;
    const impatient = 'mkdir "$0" || exit 9; "$@"; code=$?; sleep 0.2; rmdir "$0"; exit "$code"';
    config.database.migrate = ['sh', '-c', impatient, join(directory, 'migrating'), ...migrate];
    return async () => {
      config.database.migrate = migrate;
    };
  },
});

function suffix(): string {
  return randomUUID().replaceAll('-', '');
}
