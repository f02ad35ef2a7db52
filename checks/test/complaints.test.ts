import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Config, type ConfigInput, parseConfig } from '../src/config.ts';
import { judgeComplaints, listenForComplaints } from '../src/gates/load/support/complaints.ts';
import type { Sandbox } from '../src/sandbox/sandbox.ts';
import { smallestConfig } from './support/look.ts';

let directory: string;
let logFile: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'preflight-test-'));
  logFile = join(directory, 'service.log');
});
afterEach(() => rmSync(directory, { recursive: true }));

const logs = {
  levels: ['info', 'warn', 'error'],
  requestId: { field: 'requestId', header: 'x-request-id' },
  writeId: 'orderId',
} satisfies ConfigInput['logs'];
const withLogs = (change: object = {}): Config => parseConfig({ ...smallestConfig, logs: { ...logs, ...change } });
const line = (level: string, msg: string) => `${JSON.stringify({ level, msg })}\n`;

function listen(config: Config) {
  writeFileSync(logFile, line('error', 'before the load'));
  return listenForComplaints({ config, sandbox: { service: { logFile } } as Sandbox });
}

test('what was logged since then at the level of complaints, by message, without what is expected', async () => {
  const reason = 'Somebody ended a process before.';
  const heard = await listen(withLogs({ complaints: { expected: [{ message: 'a worker is gone', reason }] } }));
  appendFileSync(
    logFile,
    [
      line('info', 'fine'),
      line('warn', 'slow'),
      line('warn', 'slow'),
      'no JSON\n',
      line('warn', 'a worker is gone'),
    ].join(''),
  );
  expect(await heard()).toEqual([{ level: 'warn', message: 'slow', times: 2 }]);
  appendFileSync(logFile, line('error', 'failed'));
  expect(judgeComplaints(await heard())).toMatchObject([
    { message: 'under this load the service logged "slow" 2 times, as warn' },
    { message: 'under this load the service logged "failed" 1 times, as error' },
  ]);
});

test('another least level, and a configuration that says nothing of lines', async () => {
  const heard = await listen(withLogs({ complaints: { from: 'error' } }));
  appendFileSync(logFile, line('warn', 'slow'));
  expect(await heard()).toEqual([]);
  expect(await (await listen(parseConfig(smallestConfig)))()).toBeNull();
  expect(() => withLogs({ complaints: { from: 'warning' } })).toThrow('one of logs.levels is wanted');
});
