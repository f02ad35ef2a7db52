import { randomUUID } from 'node:crypto';
import type { Context } from '../../../engine/context.ts';
import { type Database, withDatabase } from '../../../io/database.ts';
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
  const { applyNext, revertLast, bookkeeping } = config.database;
  const name = `migrations_${randomUUID().replaceAll('-', '')}`;
  const url = await sandbox.postgres.createDatabase(name);
  const run = ([program = '', ...args]: readonly string[]) =>
    context.exec(program, args, {
      env: { PATH: tools.environment.PATH, TZ: 'UTC', DATABASE_URL: url },
      timeoutMs: stepTimeoutMs,
    });
  const drop = () => sandbox.postgres.dropDatabase(name);
  return {
    drop,
    apply: () => run(applyNext),
    revert: () => run(revertLast),
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
      for (let step = 0; step < count; step += 1) assertDone(await run(applyNext), applyNext);
    },
  };
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
