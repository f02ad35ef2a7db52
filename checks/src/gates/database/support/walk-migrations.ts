import { type ExecResult, lastLines } from '../../../io/exec.ts';
import { lineDifference } from './line-difference.ts';
import { assertDone, type ScratchMigrations, type State } from './scratch-migrations.ts';
import type { Contents } from './table-content.ts';

/** How the database after a step differs from what it should be equal to. All empty: it is equal. */
export interface StepOutcome {
  /** What the tool said last when it could not do the step. */
  failure: string | null;
  schema: string[];
  contents: string[];
}

/** One migration, taken back from the top and applied again. */
export interface MigrationStep {
  file: string;
  /** Against the database before the migration. */
  reverted: StepOutcome;
  /** Against the database after it was applied first. Null: an earlier migration could not be applied again. */
  reapplied: StepOutcome | null;
}

/**
 * All the way up, all the way down, all the way up again, one migration at a time, and compared at each step. As long as
 * each step leaves what it should, this is the same as up, down and up for each migration, with a third fewer steps. A
 * step that does not is judged, and then the database is built anew, so that no migration is blamed for another one.
 * @throws when a step cannot be looked at: the first way up fails, or the tool does not do one migration at a time.
 */
export async function walkMigrations(
  scratch: ScratchMigrations,
  files: readonly string[],
  progress: (message: string) => void,
): Promise<MigrationStep[]> {
  progress(`${files.length} migrations up`);
  const states = await climb(scratch, files);
  progress('down again, one by one');
  const reverted = await descend(scratch, states);
  progress('and up again');
  const reapplied = await climbAgain(scratch, states);
  return files.map((file, index) => ({
    file,
    reverted: reverted[index] ?? unknown(file),
    reapplied: reapplied[index] ?? null,
  }));
}

/** The empty database, then the database after each migration. */
async function climb(scratch: ScratchMigrations, files: readonly string[]): Promise<State[]> {
  const states = [await scratch.state()];
  for (const file of files) {
    assertDone(await scratch.apply(), ['applying', file]);
    const state = await scratch.state();
    states.push(expectApplied(state, states.length, `applying ${file}`));
  }
  return states;
}

async function descend(scratch: ScratchMigrations, states: readonly State[]): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = [];
  for (let remaining = states.length - 2; remaining >= 0; remaining -= 1) {
    const result = await scratch.revert();
    const outcome = await judgeStep(scratch, result, stateAt(states, remaining), remaining);
    outcomes.unshift(outcome);
    if (isDifferent(outcome)) await scratch.rebuild(remaining);
  }
  return outcomes;
}

/**
 * Each step began in the state that it began in the first time, so that one look at the end tells whether all of them made
 * what they made then. When it tells that they did not, or one fails, they are walked once more with a look at each.
 */
async function climbAgain(scratch: ScratchMigrations, states: readonly State[]): Promise<StepOutcome[]> {
  const last = states.length - 1;
  for (let applied = 1; applied < last; applied += 1) {
    const result = await scratch.apply();
    if (result.code !== 0 || result.timedOut) return climbSlowly(scratch, states);
  }
  const end = await judgeStep(scratch, await scratch.apply(), stateAt(states, last), last);
  if (!isDifferent(end)) return states.slice(1).map(() => end);
  const each = await climbSlowly(scratch, states);
  // What no single step shows is still not what was there the first time.
  return each.some(isDifferent) ? each : [...each.slice(0, -1), end];
}

/** All the way down, and up again. It stops at the first step that differs: what comes after stands on it. */
async function climbSlowly(scratch: ScratchMigrations, states: readonly State[]): Promise<StepOutcome[]> {
  const { applied: stoppedAt } = await scratch.state();
  await descend(scratch, states.slice(0, stoppedAt + 1));
  const outcomes: StepOutcome[] = [];
  for (let applied = 1; applied < states.length; applied += 1) {
    const outcome = await judgeStep(scratch, await scratch.apply(), stateAt(states, applied), applied);
    outcomes.push(outcome);
    if (isDifferent(outcome)) break;
  }
  return outcomes;
}

/**
 * What a step has left, against the state that it should have.
 * @throws when it did not end in time, or was another number of migrations.
 */
export async function judgeStep(
  scratch: ScratchMigrations,
  result: ExecResult,
  expected: State,
  applied: number,
): Promise<StepOutcome> {
  if (result.timedOut) throw new Error(`a step did not end in time: ${lastLines(result)}`);
  if (result.code !== 0) return { failure: lastLines(result), schema: [], contents: [] };
  const state = expectApplied(await scratch.state(), applied, 'a step that ended well');
  return {
    failure: null,
    schema: lineDifference(expected.schema, state.schema),
    contents: contentDifference(expected.contents, state.contents),
  };
}

/** @throws when the commands do more or less than one migration: then it is unknown whose step was seen. */
function expectApplied(state: State, applied: number, after: string): State {
  if (state.applied === applied) return state;
  throw new Error(
    `after ${after} the migration tool has ${state.applied} migrations on its books, and not ${applied}: ` +
      'database.applyNext and database.revertLast have to do exactly one, and database.migrations has to name each of them',
  );
}

/** Tables that only one of them has are the schema's difference, not the content's. */
function contentDifference(before: Contents, after: Contents): string[] {
  return Object.entries(before).flatMap(([table, was]) => {
    const is = after[table];
    if (!is || (is.rows === was.rows && is.hash === was.hash)) return [];
    return [
      is.rows === was.rows
        ? `${table}: ${is.rows} rows with other values`
        : `${table}: ${is.rows} rows, and ${was.rows} before`,
    ];
  });
}

export function isDifferent({ failure, schema, contents }: StepOutcome): boolean {
  return failure !== null || schema.length > 0 || contents.length > 0;
}

function stateAt(states: readonly State[], index: number): State {
  const state = states[index];
  if (!state) throw new RangeError(`no state was seen after ${index} migrations`);
  return state;
}

function unknown(file: string): never {
  throw new RangeError(`${file} was not reverted`);
}
