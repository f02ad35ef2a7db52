import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../src/config.ts';
import { runChecks } from '../src/engine/run.ts';
import backupRestores from '../src/gates/database/backup-restores.ts';
import { withDatabase } from '../src/io/database.ts';
import { execOrThrow } from '../src/io/exec.ts';
import { findTools } from '../src/io/tools.ts';
import { openTree } from '../src/io/tree.ts';
import { type Sandbox, startSandbox } from '../src/sandbox/sandbox.ts';

/**
 * `database/backup-restores` beside plain `pg_restore --jobs=2` of the same database, in turn, in one run: what the gate does
 * from the dump at hand to a copy that is known to be right. `make bench-restore ARGS=3000000` says how many rows there are.
 */
const rows = Number(process.argv[2] ?? 2_000_000);
const rounds = 5;
/** A check that makes a restore much longer is soon left out of it. */
const mostRatio = 1.2;

const root = process.cwd();
const [config, tree, tools] = [await loadConfig(root), openTree(root), findTools(root)];
if (!(Number.isInteger(rows) && rows > 0)) throw new Error(`how many rows? ${process.argv[2]} is no number of them`);

/** Rows as orders have them: a key, a number, a time, some text, and an index that has to be built again. */
const fill = `
  CREATE SCHEMA bench;
  CREATE TABLE bench.rows (id bigint PRIMARY KEY, account integer NOT NULL, amount numeric NOT NULL, at timestamptz NOT NULL, note text);
  INSERT INTO bench.rows SELECT n, n % 1000, n * 0.01, now() - n * interval '1 s', md5(n::text) FROM generate_series(1, ${rows}) AS n;
  CREATE INDEX rows_account_idx ON bench.rows (account, at DESC);
  ANALYZE bench.rows`;

const sandbox = await startSandbox({ config, tree, tools });
try {
  await withDatabase(sandbox.databaseUrl, (database) => database.query(fill));
  const [raw, checked]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    raw.push(await plainRestore(sandbox));
    checked.push(await checkedRestore(sandbox));
  }
  const ratio = median(checked) / median(raw);
  process.stdout.write(
    `pg_restore --jobs=2    ${seconds(raw)}\nrestored and compared  ${seconds(checked)}\nratio of the medians   ${ratio.toFixed(2)}, ${mostRatio} at most (${rows} rows)\n`,
  );
  process.exitCode = ratio <= mostRatio ? 0 : 1;
} finally {
  await sandbox.close();
}

async function plainRestore({ databaseUrl, directory, postgres }: Sandbox): Promise<number> {
  const file = join(directory, 'bench.dump');
  await execOrThrow(tools.path('pg_dump'), ['--format=custom', `--file=${file}`, databaseUrl], { timeoutMs: 600_000 });
  const startedAt = performance.now();
  const url = await postgres.createDatabase('bench_plain');
  await execOrThrow(tools.path('pg_restore'), ['--jobs=2', '--exit-on-error', `--dbname=${url}`, file], {
    timeoutMs: 600_000,
  });
  const took = performance.now() - startedAt;
  await postgres.dropDatabase('bench_plain');
  await rm(file);
  return took;
}

async function checkedRestore(target: Sandbox): Promise<number> {
  const nobody = { started: () => undefined, progress: () => undefined, finished: () => undefined };
  const around = {
    config,
    tree,
    tools,
    concurrency: 1,
    timeoutFactor: 10,
    long: false,
    signal: new AbortController().signal,
  };
  const [result] = await runChecks({
    ...around,
    checks: [backupRestores],
    openSandbox: async () => target,
    watcher: nobody,
  });
  if (result?.outcome !== 'pass') throw new Error(`the gate said ${result?.outcome}: ${result?.findings[0]?.message}`);
  return (result.facts as { recoveryTimeMs: number }).recoveryTimeMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function seconds(values: readonly number[]): string {
  return values.map((ms) => `${(ms / 1000).toFixed(1)} s`).join('  ');
}
