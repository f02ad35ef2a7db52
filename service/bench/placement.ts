/**
 * Placement over HTTP beside the same SQL under pgbench: one after the other, against the same database, with as many
 * clients. The ratio says how much of what PostgreSQL could do the service gets through.
 */
import { type SpawnOptions, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { runCommand, UsageError } from '../src/command.ts';
import { pgbenchScript, pgbenchVariables } from './pgbench-script.ts';

const USAGE = `Usage: node service/bench/placement.ts [--clients N] [--seconds N] [--json] [--script]

Places orders for some seconds over HTTP with k6, then for as many seconds with pgbench by the same SQL, and prints both
throughputs and their ratio (HTTP / pgbench).

  --clients N   clients of each (8)
  --seconds N   length of each run (10)
  --json        the result as one line of JSON
  --script      only print the pgbench script and how to run it

Environment: DATABASE_URL, BASE_URL and TRADER_KEYS (separated by commas) of a running throwaway stack, such as
npx preflight sandbox gives. The service's rate limits must be above what it is asked for.
Exit codes: 0 measured, 1 failed, 2 usage.`;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const K6_SCRIPT = fileURLToPath(new URL('closed-placement.ts', import.meta.url));
const WARM_UP_S = 2;
const CLIENTS_MAX = 200;
const SECONDS_MAX = 600;
/** How much longer than its own run a tool may take. */
const GRACE_S = 30;

/** A target that is running, from the environment. */
interface Target {
  readonly databaseUrl: string;
  readonly baseUrl: string;
  readonly traderKeys: readonly string[];
}

interface Load {
  readonly clients: number;
  readonly seconds: number;
}

/** Throughput in orders per second, latencies in milliseconds. */
interface HttpFigures {
  readonly ordersPerS: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

interface PgbenchFigures {
  readonly ordersPerS: number;
  readonly meanMs: number;
}

function readTarget(env: NodeJS.ProcessEnv): Target {
  const missing = ['DATABASE_URL', 'BASE_URL', 'TRADER_KEYS'].filter((name) => !env[name]);
  if (missing.length > 0) {
    throw new UsageError(`missing in the environment: ${missing.join(', ')}`);
  }
  const traderKeys = (env.TRADER_KEYS ?? '').split(/[\s,]+/).filter((key) => key !== '');
  return { databaseUrl: env.DATABASE_URL ?? '', baseUrl: env.BASE_URL ?? '', traderKeys };
}

/** The accounts of the keys, in the order of the keys. */
async function accountsOf(target: Target): Promise<string[]> {
  const client = new pg.Client({ connectionString: target.databaseUrl, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const digests = target.traderKeys.map((key) => createHash('sha256').update(key).digest());
    const { rows } = await client.query<{ id: string }>(
      `SELECT k.account_id AS id FROM unnest($1::bytea[]) WITH ORDINALITY AS d (digest, n)
       JOIN access.api_keys k ON k.digest = d.digest AND k.account_id IS NOT NULL ORDER BY d.n`,
      [digests],
    );
    if (rows.length !== target.traderKeys.length) {
      throw new Error('TRADER_KEYS are not all keys of accounts in this database');
    }
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

/** The first directory that holds `name`, so that the tools of this tree go before those of the machine. */
function find(name: string, directories: readonly string[]): string {
  const directory = directories.find((candidate) => candidate !== '' && existsSync(join(candidate, name)));
  if (directory === undefined) {
    throw new Error(`${name} is not installed: run make setup`);
  }
  return join(directory, name);
}

function findTools(env: NodeJS.ProcessEnv): { k6: string; pgbench: string } {
  const path = (env.PATH ?? '').split(delimiter);
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const packaged = versions.map((version) => join(debian, version, 'bin'));
  return {
    k6: find('k6', [join(ROOT, '.tools/bin'), ...path]),
    pgbench: find('pgbench', [env.PREFLIGHT_PG_BIN ?? '', ...packaged, ...path]),
  };
}

/** Runs a tool to its end; its output comes back, and stands in the error when it fails. */
function run(file: string, args: readonly string[], options: SpawnOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${file} ended with ${code}:\n${output}`)),
    );
  });
}

async function measureHttp(k6: string, target: Target, load: Load, directory: string): Promise<HttpFigures> {
  const summary = join(directory, 'k6.json');
  await run(k6, ['run', '--quiet', '--no-usage-report', `--summary-export=${summary}`, K6_SCRIPT], {
    env: {
      ...process.env,
      BASE_URL: target.baseUrl,
      TRADER_KEYS: target.traderKeys.join(','),
      CLIENTS: String(load.clients),
      DURATION_S: String(load.seconds),
      WARM_UP_S: String(WARM_UP_S),
    },
    timeout: (WARM_UP_S + load.seconds + GRACE_S) * 1000,
  });
  const { metrics } = JSON.parse(readFileSync(summary, 'utf8'));
  const requests: { count: number } = metrics['http_reqs{scenario:placement}'];
  const duration: Record<string, number> = metrics['http_req_duration{scenario:placement}'];
  return {
    ordersPerS: requests.count / load.seconds,
    medianMs: duration.med ?? Number.NaN,
    p95Ms: duration['p(95)'] ?? Number.NaN,
    p99Ms: duration['p(99)'] ?? Number.NaN,
  };
}

/** The connection of a URL as libpq's variables, so that no password stands in a command line. */
function libpqEnvironment(databaseUrl: string): Record<string, string> {
  const url = new URL(databaseUrl);
  return {
    PGHOST: url.searchParams.get('host') ?? url.hostname.replace(/^\[|\]$/g, ''),
    PGPORT: url.port || '5432',
    PGUSER: decodeURIComponent(url.username),
    PGPASSWORD: decodeURIComponent(url.password),
    PGDATABASE: decodeURIComponent(url.pathname.slice(1)),
  };
}

function pgbenchArguments(scriptFile: string, load: Load): string[] {
  const variables = Object.entries(pgbenchVariables(Date.now())).flatMap(([name, value]) => ['-D', `${name}=${value}`]);
  const threads = String(Math.min(2, load.clients));
  const bounds = ['-c', String(load.clients), '-j', threads, '-T', String(load.seconds)];
  return ['-n', '-M', 'prepared', ...bounds, ...variables, '-f', scriptFile];
}

async function measurePgbench(pgbench: string, target: Target, load: Load, directory: string): Promise<PgbenchFigures> {
  const scriptFile = join(directory, 'placement.sql');
  writeFileSync(scriptFile, pgbenchScript(await accountsOf(target)));
  const output = await run(pgbench, pgbenchArguments(scriptFile, load), {
    env: { ...process.env, ...libpqEnvironment(target.databaseUrl) },
    timeout: (load.seconds + GRACE_S) * 1000,
  });
  const ordersPerS = Number(/^tps = ([\d.]+)/m.exec(output)?.[1]);
  const meanMs = Number(/^latency average = ([\d.]+) ms/m.exec(output)?.[1]);
  const failed = Number(/^number of failed transactions: (\d+)/m.exec(output)?.[1] ?? 0);
  if (!(ordersPerS > 0) || failed > 0) {
    throw new Error(`pgbench measured nothing that counts:\n${output}`);
  }
  return { ordersPerS, meanMs };
}

async function measure(target: Target, load: Load) {
  const tools = findTools(process.env);
  const directory = mkdtempSync(join(tmpdir(), 'placement-bench-'));
  try {
    process.stderr.write(`k6: ${load.clients} clients, ${WARM_UP_S} s warm-up, ${load.seconds} s\n`);
    const http = await measureHttp(tools.k6, target, load, directory);
    process.stderr.write(`pgbench: ${load.clients} clients, ${load.seconds} s\n`);
    const pgbench = await measurePgbench(tools.pgbench, target, load, directory);
    return { ...load, http, pgbench, ratio: http.ordersPerS / pgbench.ordersPerS };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) {
    throw new UsageError(`--${name} must be 1 to ${max}`);
  }
  return value;
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      clients: { type: 'string', default: '8' },
      seconds: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      script: { type: 'boolean', default: false },
    },
  });
  const load = {
    clients: wholeNumber('clients', values.clients, CLIENTS_MAX),
    seconds: wholeNumber('seconds', values.seconds, SECONDS_MAX),
  };
  const target = readTarget(process.env);
  if (values.script) {
    const shown = pgbenchArguments('placement.sql', load).map((word) =>
      /^[\w./=-]+$/.test(word) ? word : `'${word}'`,
    );
    process.stdout.write(`-- pgbench ${shown.join(' ')}\n${pgbenchScript(await accountsOf(target))}`);
    return;
  }
  const result = await measure(target, load);
  if (values.json) {
    process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const { http, pgbench, ratio } = result;
  process.stdout.write(
    [
      `HTTP     ${http.ordersPerS.toFixed(0).padStart(6)} orders/s   median ${http.medianMs.toFixed(2)} ms, p95 ${http.p95Ms.toFixed(2)} ms, p99 ${http.p99Ms.toFixed(2)} ms`,
      `pgbench  ${pgbench.ordersPerS.toFixed(0).padStart(6)} orders/s   mean ${pgbench.meanMs.toFixed(2)} ms`,
      `ratio    ${ratio.toFixed(3).padStart(6)}`,
      '',
    ].join('\n'),
  );
}

if (import.meta.main) {
  await runCommand(USAGE, main);
}
