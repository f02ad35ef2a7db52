import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('roll-out.sh', import.meta.url));
const IMAGE = 'order-service:0123456789abcdef0123456789abcdef01234567';

let directory: string;
let server: Server;
let questions: string[];
let answers: number[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'roll-out-'));
  questions = [];
  answers = [200];
  server = createServer((request, response) => {
    questions.push(`${request.method} ${request.url}`);
    response.writeHead((answers.length > 1 ? answers.shift() : answers[0]) ?? 500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  docker('exit 0');
});

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

test('it builds, hands the image over, and waits until the service is ready', async () => {
  answers = [503, 503, 200];
  const result = await rollOut([IMAGE], { ROLLOUT_COMMAND: `echo "rollout $IMAGE" >>'${log()}'` });
  expect(result).toEqual({ code: 0, stdout: `Rolled out ${IMAGE}: ready.\n`, stderr: '' });
  expect(readFileSync(log(), 'utf8')).toMatch(
    new RegExp(
      `^docker build --file .*/deploy/Dockerfile --build-arg BUILD_COMMIT=[0-9a-f]{40} --tag ${IMAGE} .*\\nrollout ${IMAGE}\\n$`,
    ),
  );
  expect(questions).toEqual(['GET /health/ready', 'GET /health/ready', 'GET /health/ready']);
});

test('a build that fails rolls nothing out', async () => {
  docker('exit 7');
  const result = await rollOut([IMAGE], { ROLLOUT_COMMAND: `echo rollout >>'${log()}'` });
  expect(result.code).toBe(1);
  expect(readFileSync(log(), 'utf8')).not.toContain('rollout\n');
  expect(questions).toEqual([]);
});

test('a roll-out command that fails anywhere in its pipe fails the roll-out', async () => {
  const result = await rollOut([IMAGE], { ROLLOUT_COMMAND: 'false | true' });
  expect([result.code, questions]).toEqual([1, []]);
});

test('a service that never becomes ready fails the roll-out after a bounded number of questions', async () => {
  answers = [503];
  const result = await rollOut([IMAGE], { ROLLOUT_COMMAND: 'true' });
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('not ready after 60 questions');
  expect(questions).toHaveLength(60);
});

test.each([
  [[IMAGE], { ROLLOUT_COMMAND: '' }, 'not configured: set the variable ROLLOUT_COMMAND'],
  [[IMAGE], { ROLLOUT_COMMAND: 'true', PRODUCTION_URL: '' }, 'not configured: set the variable PRODUCTION_URL'],
  [[], { ROLLOUT_COMMAND: 'true' }, 'IMAGE is name:tag'],
  [['--now', IMAGE], { ROLLOUT_COMMAND: 'true' }, 'unknown option: --now'],
])('%j with %j is refused before anything is built', async (args, env, message) => {
  const result = await rollOut(args, env);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain(message);
  expect(() => readFileSync(log())).toThrow('ENOENT');
});

test('--dry-run needs nothing and does nothing', async () => {
  const result = await rollOut(['--dry-run'], {});
  expect([result.code, result.stderr]).toEqual([0, '']);
  expect(result.stdout).toContain('Dry run: nothing was done.');
  expect(() => readFileSync(log())).toThrow('ENOENT');
});

function log(): string {
  return join(directory, 'log');
}

/** Puts a docker in front of the PATH that writes down how it was called, and then does `command`. */
function docker(command: string): void {
  const path = join(directory, 'docker');
  writeFileSync(path, `#!/bin/bash\necho "docker $*" >>'${log()}'\n${command}\n`);
  chmodSync(path, 0o755);
}

function rollOut(args: string[], env: Record<string, string>) {
  const child = spawn(script, args, {
    env: {
      PATH: `${directory}:${process.env.PATH}`,
      PRODUCTION_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      READY_PAUSE_S: '0',
      ...env,
    },
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
