import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runScript } from './test-support/run-script.ts';
import { OPERATOR_KEY, ORDER_ID, type StandInService, startStandInService } from './test-support/stand-in-service.ts';

let service: StandInService;
let directory: string;
let env: Record<string, string>;

beforeEach(async () => {
  service = await startStandInService();
  directory = mkdtempSync(join(tmpdir(), 'runbooks-'));
  env = { SERVICE_URL: service.url, OPERATOR_API_KEY: OPERATOR_KEY };
});

afterEach(async () => {
  await service.close();
  rmSync(directory, { recursive: true });
});

test('emergency-stop engages the switch, carries the reason exactly, and reads it back', async () => {
  const reason = 'said "stop", then \\ — "state":"ACTIVE"';
  const result = await runScript('emergency-stop', ['--reason', reason], { env });
  expect(result).toEqual({
    code: 0,
    stdout: 'The kill switch is engaged: read back as HALTED through api. New orders are refused.\n',
    stderr: '',
  });
  expect([service.state, service.reason]).toEqual(['HALTED', reason]);
  expect(service.requests.map((request) => request.slice(0, 27))).toEqual([
    'PUT /api/v1/kill-switch {"s',
    'GET /api/v1/kill-switch',
  ]);
});

test('emergency-stop does not believe a 200: it fails when the switch reads back as not engaged', async () => {
  service.ignoresChanges = true;
  const { code, stdout, stderr } = await runScript('emergency-stop', [], { env });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain("reads back as 'ACTIVE', not as HALTED");
});

test('a refused key is exit 1, with the reason and the words of the service', async () => {
  const result = await runScript('emergency-stop', [], { env: { ...env, OPERATOR_API_KEY: 'pk_other' } });
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('the service answered 401 (the key is unknown, expired or revoked)');
  expect(result.stderr).toContain('No such key');
  expect(service.state).toBe('ACTIVE');
});

test('the key may come from a file, and never stands in the arguments of curl', async () => {
  const keyFile = join(directory, 'key');
  const seen = join(directory, 'arguments');
  writeFileSync(keyFile, `${OPERATOR_KEY}\n`);
  // A curl in front of the real one writes down its arguments: they are what the process list shows to everybody.
  writeFileSync(
    join(directory, 'curl'),
    `#!/bin/bash\nprintf '%s\\n' "$@" >>'${seen}'\nPATH=\${PATH#*:} exec curl "$@"\n`,
  );
  chmodSync(join(directory, 'curl'), 0o755);
  const result = await runScript('emergency-stop', [], {
    env: { SERVICE_URL: service.url, OPERATOR_API_KEY_FILE: keyFile },
    pathFirst: directory,
  });
  expect(result.code).toBe(0);
  expect(service.state).toBe('HALTED');
  expect(readFileSync(seen, 'utf8')).toContain('/api/v1/kill-switch');
  expect(readFileSync(seen, 'utf8')).not.toContain(OPERATOR_KEY);
});

test('clear-kill-switch needs a person at a terminal, or --yes', async () => {
  service.state = 'HALTED';
  const result = await runScript('clear-kill-switch', ['--reason', 'r'], { env });
  expect(result.code).toBe(4);
  expect(result.stderr).toContain('not confirmed: stdin is no terminal; a script passes --yes');
  expect(service.state).toBe('HALTED');
});

test('clear-kill-switch shows why it was engaged and changes nothing on any word but its own', async () => {
  Object.assign(service, { state: 'HALTED', reason: 'INC-42' });
  const result = await runScript('clear-kill-switch', ['--reason', 'r'], { env, typed: 'yes\n' });
  expect(result.code).toBe(4);
  expect(result.stdout).toContain('INC-42');
  expect(result.stdout).toContain('not confirmed: nothing was changed');
  expect(service.state).toBe('HALTED');
});

test('clear-kill-switch clears when the word is typed, and reads it back', async () => {
  service.state = 'HALTED';
  const result = await runScript('clear-kill-switch', ['--reason', 'books reconciled'], { env, typed: 'clear\n' });
  expect(result.code).toBe(0);
  expect(result.stdout).toContain('The kill switch is cleared: read back as ACTIVE.');
  expect([service.state, service.reason]).toEqual(['ACTIVE', 'books reconciled']);
});

test('clear-kill-switch --yes clears without a question', async () => {
  service.state = 'REDUCING';
  const result = await runScript('clear-kill-switch', ['--reason', 'r', '--yes'], { env });
  expect([result.code, service.state]).toEqual([0, 'ACTIVE']);
});

test('clear-kill-switch refuses while the service is not ready, even with --yes', async () => {
  Object.assign(service, { state: 'HALTED', readyStatus: 503 });
  const result = await runScript('clear-kill-switch', ['--reason', 'r', '--yes'], { env });
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('not cleared, as the service is not ready: the service answered 503');
  expect([service.state, service.requests]).toEqual(['HALTED', ['GET /health/ready']]);
});

test('clear-kill-switch leaves a switch that is not engaged alone', async () => {
  const result = await runScript('clear-kill-switch', ['--reason', 'r', '--yes'], { env });
  expect(result).toEqual({
    code: 0,
    stdout: 'The kill switch is not engaged (ACTIVE): nothing to clear.\n',
    stderr: '',
  });
  expect(service.requests.filter((request) => request.startsWith('PUT'))).toEqual([]);
});

test('order-status prints the order and its events', async () => {
  const result = await runScript('order-status', [ORDER_ID], { env });
  expect(result).toEqual({
    code: 0,
    stdout: `{"id":"${ORDER_ID}","status":"OPEN"}\n[{"version":1,"type":"PLACED"}]\n`,
    stderr: '',
  });
});

test('order-status of an order that is not there is exit 1', async () => {
  const result = await runScript('order-status', [ORDER_ID.replace('0', '1')], { env });
  expect(result.code).toBe(1);
  expect(result.stderr).toContain('the service answered 404');
});
