/**
 * The commands of the emergency runbook, typed word for word, against a whole stack on its usual ports: PostgreSQL, Redis on
 * 6379 and the service on 3000. Runs in a network of its own (see emergency-commands.test.ts), so that those ports are
 * free on any machine. Prints what each command showed, as JSON.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '../../service/test/support/postgres.ts';
import { EMERGENCY_STEPS, type RecordedStep } from './emergency-steps.ts';

const ROOT = join(import.meta.dirname, '../..');
const READY_WITHIN_MS = 30_000;
/** What an operator may wait for; the runbook says so. */
const SHOWN_WITHIN_MS = 1000;
const POLL_MS = 50;
const COMMAND_TIMEOUT_MS = 20_000;

const pause = () => new Promise((resolve) => setTimeout(resolve, POLL_MS));

async function until(what: string, withinMs: number, probe: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await probe().catch(() => false))) {
    if (performance.now() > deadlineMs) throw new Error(`did not happen within ${withinMs} ms: ${what}`);
    await pause();
  }
}

/** What `uuidgen` prints, for a machine that lacks it. */
function toolsDirectory(directory: string): string {
  const path = join(directory, 'uuidgen');
  writeFileSync(path, '#!/bin/sh\ncat /proc/sys/kernel/random/uuid\n', { mode: 0o755 });
  return directory;
}

function run(command: string, env: NodeJS.ProcessEnv): string {
  return execFileSync('bash', ['-c', command], {
    env,
    encoding: 'utf8',
    timeout: COMMAND_TIMEOUT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Types one command. One whose result may take a moment is typed again until it shows it, as a person would. */
async function type(
  step: (typeof EMERGENCY_STEPS)[number],
  token: string,
  env: NodeJS.ProcessEnv,
): Promise<RecordedStep> {
  const command = step.command.replaceAll('<token>', token);
  const deadlineMs = performance.now() + SHOWN_WITHIN_MS;
  let shown = run(command, env);
  while (step.until !== undefined && !shown.includes(step.until) && performance.now() < deadlineMs) {
    await pause();
    shown = run(command, env);
  }
  return { command: step.command, shown };
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'emergency-'));
  const children: ChildProcess[] = [];
  const start = (program: string, args: string[], env: NodeJS.ProcessEnv = process.env): void => {
    children.push(spawn(program, args, { cwd: ROOT, env, stdio: 'ignore' }));
  };
  const cluster = await startCluster();
  try {
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      DATABASE_URL: cluster.url,
      PATH: `${process.env.PATH}:${toolsDirectory(directory)}`,
    };
    start('redis-server', ['--save', '', '--appendonly', 'no', '--dir', directory]);
    execFileSync(process.execPath, ['service/src/migrate.ts', 'up'], { cwd: ROOT, env, stdio: 'ignore' });
    const seeded = execFileSync(process.execPath, ['service/src/seed.ts', '--traders', '1', '--json'], {
      cwd: ROOT,
      env,
      encoding: 'utf8',
    });
    const [trader] = (JSON.parse(seeded) as { traders: { accountId: string; key: string }[] }).traders;
    if (trader === undefined) throw new Error('the seed made no trader');
    start(process.execPath, ['service/src/main.ts'], {
      ...env,
      NODE_ENV: 'test',
      REDIS_URL: 'redis://127.0.0.1:6379',
      ORDER_PROCESSING_API_KEY: randomBytes(32).toString('hex'),
    });
    await until(
      'the service is ready',
      READY_WITHIN_MS,
      async () => (await fetch('http://127.0.0.1:3000/health/ready')).ok,
    );
    run(
      `psql "$DATABASE_URL" -qc "INSERT INTO strategy.strategies (id, account_id, name, status)
        VALUES (gen_random_uuid(), '${trader.accountId}', 'grid', 'RUNNING')"`,
      env,
    );
    const recorded: RecordedStep[] = [];
    for (const step of EMERGENCY_STEPS) recorded.push(await type(step, trader.key, env));
    process.stdout.write(JSON.stringify(recorded));
  } finally {
    await Promise.all(children.map(ended));
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

await main();
