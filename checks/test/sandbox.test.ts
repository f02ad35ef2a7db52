import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sweep } from '../src/sandbox/journal.ts';

const root = join(import.meta.dirname, '..', '..');

/** A temporary directory of the test's own, where no other run's sandboxes are. PostgreSQL's user has to pass through it. */
let home: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'preflight-test-'));
  chmodSync(home, 0o711);
  vi.stubEnv('TMPDIR', home);
});

afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await sweep();
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

function preflight(...args: string[]): ChildProcess {
  child = spawn(process.execPath, [join(root, 'checks/src/cli.ts'), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return child;
}

/** Resolves with what came so far once the stream has said it. */
function untilSaid(stream: NodeJS.ReadableStream | null, wanted: string): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    stream?.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes(wanted)) resolve(text);
    });
    stream?.once('end', () => reject(new Error(`the stream ended before it said ${wanted}: ${text}`)));
  });
}

function sandboxes(): string[] {
  return readdirSync(home).filter((name) => name.startsWith('preflight-sandbox-'));
}

function journalled(directory: string): number[] {
  const lines = readFileSync(join(home, directory, 'processes.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => (JSON.parse(line) as { pid: number }).pid);
}

function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('what a run that was killed with SIGKILL leaves behind, the next one ends', async () => {
  const killed = preflight('sandbox', '--json');
  await untilSaid(killed.stderr, 'up in');
  const [directory = ''] = sandboxes();
  const pids = journalled(directory);
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  expect(pids.length).toBeGreaterThanOrEqual(3);
  expect(pids.every(isAlive)).toBe(true);

  const next = preflight('sandbox', '--json');
  const said = await untilSaid(next.stderr, 'up in');

  expect(said).toContain(`removed what an earlier run had left: ${join(home, directory)}`);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(sandboxes()).not.toContain(directory);
});

test('a sandbox whose owner lives is not swept', async () => {
  const running = preflight('sandbox', '--json');
  await untilSaid(running.stderr, 'up in');
  expect(await sweep()).toEqual([]);
  expect(journalled(sandboxes()[0] ?? '').every(isAlive)).toBe(true);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s in the middle of a run leaves nothing behind, and says so by its exit code',
  async (signal) => {
    const run = preflight('run', 'http/every-endpoint-needs-a-key', 'load/*');
    await untilSaid(run.stderr, 'http/every-endpoint-needs-a-key');
    const pids = journalled(sandboxes()[0] ?? '');
    run.kill(signal);
    const [code] = await once(run, 'exit');
    expect(code).toBe(130);
    expect(pids.length).toBeGreaterThanOrEqual(3);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(sandboxes()).toEqual([]);
  },
);

test('a reader that goes away does not keep the run from tidying up', async () => {
  const run = preflight('run', 'http/every-endpoint-needs-a-key');
  await untilSaid(run.stderr, 'http/every-endpoint-needs-a-key');
  run.stderr?.destroy();
  run.stdout?.destroy();
  const [code] = await once(run, 'exit');
  expect(code).toBe(0);
  expect(sandboxes()).toEqual([]);
});
