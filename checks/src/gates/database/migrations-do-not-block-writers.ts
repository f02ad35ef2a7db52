import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { fillDatabase } from './support/filled-database.ts';
import { partsOf } from './support/migration-parts.ts';
import { pendingMigrations } from './support/pending-migrations.ts';
import { assertDone, openScratchMigrations, type ScratchMigrations } from './support/scratch-migrations.ts';
import { filledTables, type SteadyWriters, startSteadyWriters } from './support/steady-writers.ts';
import { type TableUnderStep, watchStep } from './support/step-locks.ts';

type Way = 'up' | 'down';

/** One migration, one way, on a database that is written to. */
interface Step {
  file: string;
  way: Way;
  durationMs: number;
  writes: number;
  deadlocks: number;
  heldAtTheEnd: boolean;
  tables: TableUnderStep[];
}

interface Facts {
  /** How many rows the table that grows was filled to. */
  filledTo: number;
  writers: number;
  mostBlockedMs: number;
  steps: Step[];
  exceptions: { file: string; rule: string }[];
}

/** A table of fewer rows is read in no time, today and next year. */
const rowsThatMatter = 1_000;
const rule = 'blocks-writers';

export default defineGate<Facts>({
  id: 'database/migrations-do-not-block-writers',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'config:hotQueries', 'config:migrations'],
  covers: ['db.migrations.safe'],
  unit: 'writes beside migrations',
  why: 'What a migration locks, everybody waits for. On the empty tables of a test no lock is held for long; on those of production every request stands still behind an index that is being built.',
  fix: 'Split it: a constraint NOT VALID first and VALIDATE in the next migration, an index CONCURRENTLY and outside of a transaction, rows filled in by small portions.',
  source: 'https://gocardless.com/blog/zero-downtime-postgres-migrations-a-little-help/',
  tags: ['migrations'],
  timeoutMs: 90_000,
  longTimeoutMs: 600_000,
  retry: {
    times: 2,
    why: 'what a machine that is busy elsewhere holds up it does not hold up twice, and a lock lasts as long each time',
  },

  async observe(context) {
    const { config, long, signal, progress } = context;
    const { bookkeeping } = config.database;
    const { mostBlockedMs, exceptions } = partOf(config, 'migrations');
    const { before, pending } = await pendingMigrations(context);
    const hot = partOf(config, 'hotQueries');
    const filledTo = (long ? hot.sizes.at(-1) : hot.sizes[0]) ?? 0;
    const scratch = await openScratchMigrations(context);
    try {
      for (const file of [...before, ...pending]) assertDone(await scratch.apply(), ['applying', file]);
      progress(`${hot.table} filled to ${filledTo} rows`);
      const tables = await withDatabase(scratch.url, async (database) => {
        await fillDatabase(database, hot, 1, filledTo);
        return filledTables(database, bookkeeping);
      });
      const writers = await startSteadyWriters(scratch.url, tables, signal);
      try {
        const steps = await walkUnderWrites(context, scratch, writers, pending);
        const facts = { filledTo, writers: writers.sessions, mostBlockedMs, steps, exceptions };
        return { examined: steps.reduce((sum, { writes }) => sum + writes, 0), facts };
      } finally {
        await writers.stop();
      }
    } finally {
      await scratch.drop();
    }
  },

  judge: ({ steps, mostBlockedMs, exceptions }) =>
    steps
      .filter(({ file }) => !exceptions.some((exception) => exception.file === file && exception.rule === rule))
      .flatMap((step) => judgeStep(step, mostBlockedMs)),

  samples: {
    good: [
      sample({}),
      sample({ tables: [table({})] }),
      // Read from one end to the other, and quickly: it is small and stays so.
      sample({ tables: [table({ rows: 90, rowsRead: 90 })] }),
      { ...sample({ tables: [table({ blockedMs: 900 })] }), exceptions: [{ file: 'm/2.sql', rule }] },
    ],
    bad: [
      sample({ tables: [table({ blockedMs: 900 })] }),
      sample({ tables: [table({ blockedMs: 900, mode: 'row' })] }),
      sample({ way: 'down', tables: [table({ mode: 'ShareLock', rowsRead: 10_000 })] }),
      sample({ deadlocks: 1 }),
    ],
  },

  /** The newest migration builds an index as if nobody wrote. */
  async sabotage({ config, scratch }) {
    const { table: grows } = partOf(config, 'hotQueries');
    const newest = (await scratch.files(config.database.migrations)).at(-1);
    if (newest === undefined) throw new Error(`${config.database.migrations} names no file`);
    const { up, down } = partsOf(await scratch.read(newest));
    // Without a name of its own: its way back does not know of it, and it comes once more.
    await scratch.write(newest, `${up.trimEnd()}\nCREATE INDEX ON ${grows} ((1));\n\n${down.trimStart()}`);
    return undefined;
  },
});

/** From the newest on: back, up again on what is left, and back once more to where the one before it is the newest. */
async function walkUnderWrites(
  { config, progress }: Pick<Context, 'config' | 'progress'>,
  scratch: ScratchMigrations,
  writers: SteadyWriters,
  pending: readonly string[],
): Promise<Step[]> {
  const { bookkeeping } = config.database;
  const steps: Step[] = [];
  const step = async (file: string, way: Way) => {
    progress(`${file} ${way}, beside ${writers.sessions} writers`);
    const seen = await watchStep(scratch.url, bookkeeping, writers, way === 'up' ? scratch.apply : scratch.revert);
    assertDone(seen.result, [file, way, 'on a filled database that is written to']);
    const { result, ...rest } = seen;
    if (rest.writes === 0) throw new Error(`nothing was written while ${file} went ${way}: nobody could be held up`);
    steps.push({ file, way, durationMs: result.durationMs, ...rest });
  };
  for (const file of pending.toReversed()) {
    await step(file, 'down');
    await step(file, 'up');
    if (file !== pending[0]) assertDone(await scratch.revert(), ['reverting', file]);
  }
  return steps;
}

function judgeStep({ file, way, tables, deadlocks }: Step, mostBlockedMs: number): Finding[] {
  const findings = tables.flatMap((each) =>
    judgeTable(each, way, mostBlockedMs).map((finding) => ({ ...finding, file })),
  );
  if (deadlocks === 0) return findings;
  const message = `its way ${way} and a write waited for each other: the server ended ${deadlocks} of the writes`;
  return [...findings, { message, file, identity: `${way} deadlock` }];
}

function judgeTable(
  { table: name, rows, mode, blockedMs, rowsRead }: TableUnderStep,
  way: Way,
  most: number,
): Finding[] {
  const lock = mode === 'row' ? 'changed rows' : `${mode}`;
  if (blockedMs > most) {
    const message = `its way ${way} kept writers from ${name} for ${blockedMs} ms (${lock}), and ${most} ms are the most: ${rows} rows`;
    return [{ message, identity: `${way} ${name} blocked` }];
  }
  if (rows < rowsThatMatter || rowsRead < rows) return [];
  const message = `its way ${way} reads all ${rows} rows of ${name} while writers are kept from it (${lock}): ${blockedMs} ms here, and the longer, the longer the table is`;
  return [{ message, identity: `${way} ${name} read` }];
}

function table(change: Partial<TableUnderStep>): TableUnderStep {
  return { table: 'shop.orders', rows: 10_000, mode: 'AccessExclusiveLock', blockedMs: 4, rowsRead: 0, ...change };
}

function sample(change: Partial<Step>): Facts {
  const step = { file: 'm/2.sql', way: 'up' as const, durationMs: 40, writes: 120, deadlocks: 0, heldAtTheEnd: true };
  return {
    filledTo: 10_000,
    writers: 12,
    mostBlockedMs: 500,
    steps: [{ ...step, tables: [], ...change }],
    exceptions: [],
  };
}
