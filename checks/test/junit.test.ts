import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import { junitReport } from '../src/reporters/junit.ts';
import { goReport, sampleReport } from './support/sample-report.ts';

/** Our own words for what Jenkins' junit-10.xsd allows, and no more than we write of it. */
const schema = readFileSync(join(import.meta.dirname, 'support', 'junit.xsd'), 'utf8');

async function faultsOf(xml: string): Promise<string[]> {
  const { valid, errors } = await validateXML({ xml: [{ fileName: 'report.xml', contents: xml }], schema: [schema] });
  return valid ? [] : errors.map(({ message }) => message);
}

test('a strict parser and the schema accept a report with every outcome and hostile texts', async () => {
  expect(await faultsOf(junitReport(sampleReport()))).toEqual([]);
  expect(await faultsOf(junitReport(goReport()))).toEqual([]);
});

test('the parser is strict, and the schema refuses what it does not know', async () => {
  const xml = junitReport(goReport());
  expect(await faultsOf(xml.replace('</testsuites>', '\u0001</testsuites>'))).not.toEqual([]);
  expect(await faultsOf(xml.replace('classname=', 'file="a.ts" classname='))).not.toEqual([]);
  expect(await faultsOf(xml.replaceAll('system-out', 'output'))).not.toEqual([]);
});

test('no CI shows green for what the verdict holds back', () => {
  const xml = junitReport(sampleReport());
  const caseOf = (name: string) => new RegExp(`<testcase name="${name}"[^>]*>\n(<\\w+)`).exec(xml)?.[1];
  expect(caseOf('types-check')).toBe('<system');
  expect(caseOf('no-secret-in-tree')).toBe('<failure');
  expect(caseOf('foreign-keys-are-indexed')).toBe('<failure');
  expect(caseOf('health-answers')).toBe('<error');
  // Of a blocker nobody looked at: that is not "skipped". Of an advisory it is.
  expect(caseOf('scripts-are-sound')).toBe('<error');
  expect(caseOf('zizmor')).toBe('<skipped');
  expect(caseOf('pinned')).toBe('<skipped');
  expect(xml).toContain('message="waived until 2026-06-20 by grace: gone with the next release"');
  expect(caseOf('fault 1')).toBe('<failure');
  expect(xml).toContain('examined: 289 orders, taken up from the evidence of 2026-06-14T09:00:00.000Z');
  expect(caseOf('every item has an answer')).toBe('<error');
  expect(caseOf('verdict')).toBe('<failure');
  expect(xml).toContain('<testsuites name="preflight" time="41.000" tests="12" failures="5" errors="3">');
});

test.each(['GO', 'NO-GO', 'UNKNOWN'] as const)('the verdict %s is a test case of its own', (verdict) => {
  const xml = junitReport({ ...goReport(), results: [], verdict, exitCode: 9 });
  const [failures, errors] = { GO: [0, 0], 'NO-GO': [1, 0], UNKNOWN: [0, 1] }[verdict];
  expect(xml).toContain(`tests="1" failures="${failures}" errors="${errors}"`);
  expect(xml).toContain(`${verdict} (exit code 9)`);
});

test('what cannot be shown is written visibly, and a text is cut where it grows without bound', () => {
  const xml = junitReport(sampleReport());
  expect(xml).toContain('\\u{0}\\u{1b}[31m\\u{fffe}\\u{d800}');
  expect(xml).toContain('a\\u{202e}gnp.exe');
  expect(xml).not.toMatch(/<img|<svg|\u202e/);
  expect(xml).toContain('… (100005 characters)');
  expect(xml.length).toBeLessThan(100_000);
});
