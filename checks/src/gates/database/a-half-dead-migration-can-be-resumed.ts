import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { partsOf } from './support/migration-parts.ts';
import { pendingMigrations } from './support/pending-migrations.ts';
import { assertDone, openScratchMigrations, type ScratchMigrations, type State } from './support/scratch-migrations.ts';
import { type Obstacle, type Strike, strikeMigration } from './support/struck-migration.ts';
import { fromUserRelations, qualifiedName } from './support/user-tables.ts';
import { isDifferent, judgeStep, type StepOutcome } from './support/walk-migrations.ts';

/** A migration that was killed, and then applied. */
interface Resumed {
  file: string;
  strikes: Strike[];
  /** Of the run after them, against the database that an undisturbed run makes. */
  outcome: StepOutcome;
  /** Indexes that are INVALID after it. */
  invalid: string[];
}

const runTimeoutMs = 60_000;
const table = 'preflight_sabotage';

const invalidSql = `SELECT ${qualifiedName} AS name ${fromUserRelations}
   AND EXISTS (SELECT FROM pg_index WHERE indexrelid = relation.oid AND NOT (indisvalid AND indisready))`;

export default defineGate<Resumed[]>({
  id: 'database/a-half-dead-migration-can-be-resumed',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'pg_dump', 'config:migrations'],
  covers: ['db.migrations.resumed'],
  unit: 'strikes',
  why: 'A migration dies with the host, the connection or the patience of whoever runs it. What it has done until then either goes with it, or stands in the way of the next run, on the night of the release.',
  fix: 'Leave it to its transaction. Where it cannot have one, let each statement bear to be run again: DROP INDEX CONCURRENTLY IF EXISTS before CREATE INDEX CONCURRENTLY, IF NOT EXISTS for the rest.',
  source: 'https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY',
  tags: ['migrations'],
  long: true,
  timeoutMs: 300_000,

  async observe(context) {
    const { before, pending } = await pendingMigrations(context);
    const scratch = await openScratchMigrations(context);
    try {
      for (const file of before) assertDone(await scratch.apply(), ['applying', file]);
      const undisturbed: State[] = [];
      for (const file of pending) {
        assertDone(await scratch.apply(), ['applying', file]);
        undisturbed.push(await scratch.state());
      }
      await scratch.rebuild(before.length);
      const facts: Resumed[] = [];
      for (const [index, state] of undisturbed.entries()) {
        const file = pending[index] ?? '';
        const resumed = await strikeAndResume(context, scratch, file, state);
        facts.push(resumed);
        // No migration is blamed for what another one has left.
        if (isDifferent(resumed.outcome)) await scratch.rebuild(before.length + index + 1);
      }
      return { examined: facts.reduce((sum, { strikes }) => sum + strikes.length, 0), facts };
    } finally {
      await scratch.drop();
    }
  },

  judge: (facts) => facts.flatMap(judgeResumed),

  samples: {
    good: [[sample({})]],
    bad: [
      [sample({ outcome: outcome({ failure: 'ERROR: relation "carts" already exists' }) })],
      [sample({ outcome: outcome({ schema: ['-CREATE INDEX carts_idx ON shop.carts USING btree (id);'] }) })],
      [sample({ outcome: outcome({ contents: ['shop.currencies: 6 rows, and 3 before'] }) })],
      [sample({ invalid: ['shop.carts_idx'] })],
    ],
  },

  /** The newest migration ends its transaction before it is in the books, and bears no second run. */
  async sabotage({ config, scratch }) {
    const newest = (await scratch.files(config.database.migrations)).at(-1);
    if (newest === undefined) throw new Error(`${config.database.migrations} names no file`);
    const { up, down } = partsOf(await scratch.read(newest));
    const halves = `CREATE TABLE ${table} (id integer);\nCOMMIT;\nBEGIN;`;
    await scratch.write(newest, `${up.trimEnd()}\n${halves}\n\n${down.trimStart()}`);
    return undefined;
  },
});

/**
 * It dies where it first has to wait for somebody who writes, and where all is done and nothing entered; then it is run.
 * @throws when it was killed before it had begun, each time: that says nothing.
 */
async function strikeAndResume(
  context: Context,
  scratch: ScratchMigrations,
  file: string,
  undisturbed: State,
): Promise<Resumed> {
  const { bookkeeping } = context.config.database;
  const strikes: Strike[] = [];
  for (const obstacle of ['tables', 'books'] satisfies Obstacle[]) {
    context.progress(`${file} is killed (${obstacle})`);
    const run = (kill: AbortSignal) => applyAlone(context, scratch.url, kill);
    strikes.push(await strikeMigration(scratch.url, bookkeeping, obstacle, run));
  }
  if (!strikes.some(({ hadBegun }) => hadBegun)) {
    throw new Error(`${file} had done nothing when it was killed: whether it can be resumed was not seen`);
  }
  const outcome = await judgeStep(scratch, await scratch.apply(), undisturbed, undisturbed.applied);
  const invalid = await withDatabase(scratch.url, (database) => database.query(invalidSql));
  return { file, strikes, outcome, invalid: invalid.map(({ name }) => name ?? '') };
}

/** As a process of its own, whatever `database.steps` offers: it is killed. */
function applyAlone({ config, exec, tools, signal }: Context, url: string, kill: AbortSignal) {
  const [program = '', ...args] = config.database.applyNext;
  const env = { PATH: tools.environment.PATH, TZ: 'UTC', DATABASE_URL: url };
  return exec(program, args, { env, timeoutMs: runTimeoutMs, signal: AbortSignal.any([signal, kill]) });
}

function judgeResumed({ file, outcome: { failure, schema, contents }, invalid }: Resumed): Finding[] {
  const findings: Finding[] = invalid.map((name) => ({
    message: `killed and run again, it leaves ${name} INVALID: written, and never read`,
    file,
    identity: `invalid ${name}`,
    fix: `Put DROP INDEX CONCURRENTLY IF EXISTS ${name}; before the statement that makes it.`,
  }));
  if (failure !== null) {
    findings.push({ message: `killed half-way, it cannot be run again: ${failure}`, file, identity: 'fails' });
  }
  if (schema.length + contents.length > 0) {
    const difference = [...schema, ...contents].join('\n');
    const message = `killed half-way and run again, it does not make what it makes undisturbed: ${difference}`;
    findings.push({ message, file, identity: 'differs' });
  }
  return findings;
}

function outcome(change: Partial<StepOutcome>): StepOutcome {
  return { failure: null, schema: [], contents: [], ...change };
}

function sample(change: Partial<Resumed>): Resumed {
  const strikes: Strike[] = [{ obstacle: 'books', waitedFor: 'public.books', hadBegun: true }];
  return { file: 'm/2.sql', strikes, outcome: outcome({}), invalid: [], ...change };
}
