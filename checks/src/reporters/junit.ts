import type { CheckResult, Report } from '../engine/report.ts';
import { examinedWords, placeOf, tookMs, unanswered, verdictSentence } from './order.ts';
import { cut, visible } from './visible.ts';

const longestAttribute = 1_000;
const longestText = 20_000;

interface TestCase {
  suite: string;
  name: string;
  durationMs: number;
  /** Absent: it passed. */
  state?: { element: 'failure' | 'error' | 'skipped'; message: string; text: string };
  output?: string;
}

/**
 * JUnit's XML as Jenkins, GitLab and the rest read it: a suite is an area, a test case is a check.
 * https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
 *
 * A CI that shows this must never be greener than the verdict: what could not be looked at is an error, and the verdict
 * and each fault of governance are test cases of their own. Only what weighs less than a blocker may be skipped.
 */
export function junitReport(report: Report): string {
  const cases = [
    ...report.results.map(caseOf),
    ...governanceCases(report),
    ...checklistCases(report),
    verdictCase(report),
  ];
  const suites = Map.groupBy(cases, ({ suite }) => suite);
  const timestamp = report.startedAt.slice(0, 19);
  const body = [...suites].map(([name, own]) => suiteElement(name, own, timestamp));
  // The root element has no attribute for what was skipped.
  const { tests, failures, errors } = countsOf(cases);
  const attributes = { name: 'preflight', time: secondsOf(tookMs(report)), tests, failures, errors };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('testsuites', attributes, body)}\n`;
}

function caseOf(result: CheckResult): TestCase {
  const [area = '', ...rest] = result.id.split('/');
  const state = stateOf(result);
  return {
    suite: area,
    name: rest.join('/'),
    durationMs: result.durationMs,
    ...(state ? { state } : {}),
    output: `${result.severity} ${result.kind}; examined: ${examinedWords(result)}`,
  };
}

function stateOf(result: CheckResult): TestCase['state'] {
  const text = findingsText(result);
  const [message = ''] = result.findings.map((finding) => finding.message);
  switch (result.outcome) {
    case 'pass':
      return undefined;
    case 'fail':
      return { element: 'failure', message, text };
    case 'error':
      return { element: 'error', message, text };
    case 'not-run': {
      const missing = `not run: ${(result.missing ?? []).join('; ')}`;
      return { element: result.severity === 'blocker' ? 'error' : 'skipped', message: missing, text: missing };
    }
    case 'waived': {
      const { approver, expires, reason } = result.waiver ?? { approver: '', expires: '', reason: '' };
      return { element: 'skipped', message: `waived until ${expires} by ${approver}: ${reason}`, text };
    }
  }
}

function findingsText({ findings }: CheckResult): string {
  const lines = findings.map((finding) => {
    const place = placeOf(finding);
    return `${place ? `${place}  ` : ''}${finding.message}\n  fix: ${finding.fix}\n  fingerprint: ${finding.fingerprint}`;
  });
  return lines.join('\n');
}

function governanceCases({ governance }: Report): TestCase[] {
  return governance.map((fault, index) => ({
    suite: 'governance',
    name: `fault ${index + 1}`,
    durationMs: 0,
    state: { element: 'failure', message: fault, text: fault },
  }));
}

function checklistCases(report: Report): TestCase[] {
  const without = unanswered(report);
  if (!without) return [];
  const text = without.items.map(({ id, severity, planned }) => `${id} (${severity}): planned ${planned}`).join('\n');
  const state = { element: 'error', message: without.sentence, text } as const;
  return [{ suite: 'checklist', name: 'every item has an answer', durationMs: 0, state }];
}

function verdictCase(report: Report): TestCase {
  const text = `${report.verdict} (exit code ${report.exitCode}): ${verdictSentence(report)}`;
  const element = report.verdict === 'NO-GO' ? 'failure' : 'error';
  const test = { suite: 'preflight', name: 'verdict', durationMs: 0 };
  return report.verdict === 'GO' ? { ...test, output: text } : { ...test, state: { element, message: text, text } };
}

function countsOf(cases: readonly TestCase[]): Record<'tests' | 'failures' | 'errors' | 'skipped', string> {
  const count = (wanted: string) => String(cases.filter(({ state }) => state?.element === wanted).length);
  const [failures, errors, skipped] = [count('failure'), count('error'), count('skipped')];
  return { tests: String(cases.length), failures, errors, skipped };
}

function suiteElement(name: string, cases: readonly TestCase[], timestamp: string): string {
  const time = secondsOf(cases.reduce((sum, { durationMs }) => sum + durationMs, 0));
  return element('testsuite', { name, ...countsOf(cases), time, timestamp }, cases.map(caseElement));
}

function caseElement({ suite, name, durationMs, state, output }: TestCase): string {
  const children = [
    ...(state ? [leaf(state.element, { message: state.message, type: state.element }, state.text)] : []),
    ...(output ? [leaf('system-out', {}, output)] : []),
  ];
  return element('testcase', { name, classname: suite, time: secondsOf(durationMs) }, children);
}

function secondsOf(durationMs: number): string {
  return (durationMs / 1000).toFixed(3);
}

function element(name: string, attributes: Record<string, string>, children: readonly string[]): string {
  return [`<${name}${attributesText(attributes)}>`, ...children, `</${name}>`].join('\n');
}

function leaf(name: string, attributes: Record<string, string>, text: string): string {
  return `<${name}${attributesText(attributes)}>${escapeText(cut(visible(text), longestText))}</${name}>`;
}

function attributesText(attributes: Record<string, string>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escapeAttribute(cut(visible(value), longestAttribute))}"`)
    .join('');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A parser turns a plain line feed or tab in an attribute into a space. */
function escapeAttribute(text: string): string {
  return escapeText(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}
