import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Context } from '../../../engine/context.ts';
import { type Database, withDatabase } from '../../../io/database.ts';
import { type Dialogue, startDialogue } from '../../../io/dialogue.ts';
import { type ExecResult, lastLines } from '../../../io/exec.ts';
import { dumpSchema } from './schema-dump.ts';
import { type Contents, readRepeatableContents } from './table-content.ts';

/** A database after so many migrations. */
export interface State {
  /** How many migrations the tool has on its books. */
  applied: number;
  schema: string;
  contents: Contents;
}

/** A scratch database whose migrations go up and down one by one, with the commands of preflight.config.ts. */
export interface ScratchMigrations {
  readonly url: string;
  apply(): Promise<ExecResult>;
  revert(): Promise<ExecResult>;
  state(): Promise<State>;
  /** A new database with the first `count` migrations, for when a step has left it in a state of its own. */
  rebuild(count: number): Promise<void>;
  drop(): Promise<void>;
}

/** One step of a migration tool, its start included. */
const stepTimeoutMs = 60_000;

export async function openScratchMigrations(context: Context): Promise<ScratchMigrations> {
  const { config, sandbox, tools } = context;
  const { applyNext, revertLast, steps, bookkeeping } = config.database;
  const name = `migrations_${randomUUID().replaceAll('-', '')}`;
  const url = await sandbox.postgres.createDatabase(name);
  const env = { PATH: tools.environment.PATH, TZ: 'UTC', DATABASE_URL: url };
  const run = ([program = '', ...args]: readonly string[]) =>
    context.exec(program, args, { env, timeoutMs: stepTimeoutMs });
  const dialogue = steps && startDialogue(steps, { cwd: context.tree.root, env, signal: context.signal });
  const apply = () => (dialogue ? askFor(dialogue, 'up') : run(applyNext));
  const revert = () => (dialogue ? askFor(dialogue, 'down') : run(revertLast));
  const drop = () => sandbox.postgres.dropDatabase(name);
  return {
    url,
    apply,
    revert,
    async drop() {
      await dialogue?.close();
      await drop();
    },
    state: () =>
      withDatabase(url, async (database) => {
        const [applied, schema] = [
          await countApplied(database, bookkeeping),
          await dumpSchema(context, database, url, bookkeeping),
        ];
        return { applied, schema, contents: await readRepeatableContents(database, bookkeeping) };
      }),
    async rebuild(count) {
      await drop();
      await sandbox.postgres.createDatabase(name);
      for (let step = 0; step < count; step += 1) assertDone(await apply(), applyNext);
    },
  };
}

const stepAnswer = z.union([z.object({ ran: z.array(z.string()) }), z.object({ failed: z.string() })]);

/** One step of `database.steps`, as if it had been a process of its own. @throws for an answer that is none. */
async function askFor(dialogue: Dialogue, direction: 'up' | 'down'): Promise<ExecResult> {
  const startedAt = performance.now();
  const line = await dialogue.ask(direction, stepTimeoutMs);
  const answer = stepAnswer.parse(JSON.parse(line));
  const stderr = 'failed' in answer ? answer.failed : '';
  const durationMs = Math.round(performance.now() - startedAt);
  return { code: stderr === '' ? 0 : 1, stdout: line, stderr, timedOut: false, durationMs };
}

/** @throws for a step that went well before, and whose failure is therefore no migration's fault. */
export function assertDone(result: ExecResult, command: readonly string[]): void {
  if (result.code === 0 && !result.timedOut) return;
  const how = result.timedOut ? `did not end within ${stepTimeoutMs / 1000} s` : `ended with exit code ${result.code}`;
  throw new Error(`${command.join(' ')} ${how}: ${lastLines(result)}`);
}

/** How many migrations a database has on the tool's books; none before the tool has made its table. */
export async function countApplied(database: Database, bookkeeping: string): Promise<number> {
  const [table] = await database.query('SELECT to_regclass($1)::text AS name', [bookkeeping]);
  if (!table?.name) return 0;
  const [row] = await database.query(`SELECT count(*) AS applied FROM ${table.name}`);
  return Number(row?.applied);
}
