import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deliver, makeRoom, parseReporters } from '../src/commands/reports.ts';
import { reporterNames } from '../src/reporters/reporter.ts';
import { sampleReport, settingFor } from './support/sample-report.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'preflight-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const streams = { stdout: process.stdout, stderr: process.stderr };

test('every report goes to its file, in directories that are made for it', async () => {
  const destinations = parseReporters(
    reporterNames.map((name) => `${name}=${join(directory, 'deep', name, 'report')}`),
  );
  await makeRoom(destinations);
  await deliver(sampleReport(), destinations, settingFor(sampleReport()), streams);
  for (const name of reporterNames)
    expect(readFileSync(join(directory, 'deep', name, 'report'), 'utf8'), name).toContain('secrets');
});

test('one that cannot be written does not keep the others from being written, and is named', async () => {
  mkdirSync(join(directory, 'taken'));
  const destinations = parseReporters([`junit=${join(directory, 'taken')}`, `json=${join(directory, 'report.json')}`]);
  const delivery = deliver(sampleReport(), destinations, settingFor(sampleReport()), streams);
  await expect(delivery).rejects.toThrow(/^these reports could not be written: junit: EISDIR/);
  expect(existsSync(join(directory, 'report.json'))).toBe(true);
});

test('a file name may hold an equals sign', () => {
  expect(parseReporters(['json=a=b.json'])).toEqual([{ name: 'json', file: 'a=b.json' }]);
});
