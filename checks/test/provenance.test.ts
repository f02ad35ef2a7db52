import { expect, test } from 'vitest';
import type { CheckResult } from '../src/engine/report.ts';
import { htmlReport } from '../src/reporters/html/page.ts';
import { junitReport } from '../src/reporters/junit.ts';
import { markdownReport } from '../src/reporters/markdown.ts';
import { sarifReport } from '../src/reporters/sarif.ts';
import { goReport, passed } from './support/go-report.ts';
import { hostile } from './support/sample-report.ts';

const lookedAt = '2026-06-14T10:00:00.000Z';
const attempts: CheckResult['attempts'] = [
  { outcome: 'fail', message: hostile, durationMs: 900 },
  { outcome: 'pass', message: '', durationMs: 700 },
];
const report = goReport({
  results: [
    passed('a/kept', { cached: { key: 'abc123', lookedAt } }),
    passed('a/taken', { takenUp: { lookedAt } }),
    passed('a/again', { attempts }),
    passed('a/plain'),
  ],
});
const setting = { described: new Map(), history: [], colour: false };

test('JUnit says of each result that is not of one look in this run where it is from', () => {
  const xml = junitReport(report);
  expect(xml).toContain(`3 things, kept from ${lookedAt}, since nothing of its key abc123 has changed`);
  expect(xml).toContain(`3 things, taken up from the evidence of ${lookedAt}`);
  expect(xml).toContain('3 things, attempt 2: fail, then pass');
  expect(xml).toContain('blocker gate; examined: 3 things</system-out>');
});

test('SARIF has it in the properties of the rule, whole', () => {
  const { runs } = JSON.parse(sarifReport(report, setting));
  const properties = runs[0].tool.driver.rules.map((rule: { properties: object }) => rule.properties);
  expect(properties).toEqual([
    { tags: [], cached: { key: 'abc123', lookedAt } },
    { tags: [], takenUp: { lookedAt } },
    { tags: [], attempts },
    { tags: [] },
  ]);
});

test('the page shows it on the card, and what an attempt said is inert there', () => {
  const page = htmlReport(report, setting);
  expect(page).toMatch(/nothing of its key <code>abc123<\/code> has changed/);
  expect(page).toContain('taken up from its evidence');
  expect(page).toMatch(/<dt>attempts<\/dt><dd><ol><li>.*fail/);
  expect(page).not.toContain('<img src=x');
  expect(page.match(/<dt>attempts<\/dt>/g)).toHaveLength(1);
});

test('the summary in Markdown says it in the row', () => {
  const text = markdownReport(report);
  expect(text).toContain('attempt 2: fail, then pass');
});
