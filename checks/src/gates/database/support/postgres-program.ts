import type { Context } from '../../../engine/context.ts';
import { type ExecResult, lastLines } from '../../../io/exec.ts';

/** Each of these reads or writes one whole database; a gate's own time limit is what really bounds them. */
const timeoutMs = 600_000;

/** Runs pg_dump or pg_restore on a database. A password goes into the environment, because arguments are everybody's to read. */
export function runPostgresProgram(
  { exec, tools }: Pick<Context, 'exec' | 'tools'>,
  program: 'pg_dump' | 'pg_restore',
  databaseUrl: string,
  args: readonly string[],
): Promise<ExecResult> {
  const url = new URL(databaseUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  const env = {
    PATH: tools.environment.PATH,
    LC_ALL: 'C',
    ...(password === '' ? {} : { PGPASSWORD: password }),
  };
  return exec(tools.path(program), ['--dbname', url.href, '--no-password', ...args], { env, timeoutMs });
}

/** @throws an error that carries the last lines of what the program said. */
export function assertSucceeded(program: string, result: ExecResult): void {
  if (result.timedOut) throw new Error(`${program} did not end within ${timeoutMs / 1000} s`);
  if (result.code !== 0) throw new Error(`${program} ended with exit code ${result.code}: ${lastLines(result)}`);
}
