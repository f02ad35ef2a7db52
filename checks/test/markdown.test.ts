import { expect, test } from 'vitest';
import type { CheckResult } from '../src/engine/report.ts';
import { githubReport } from '../src/reporters/github.ts';
import { markdownReport } from '../src/reporters/markdown.ts';
import { goReport, sampleReport } from './support/sample-report.ts';

const summaryLimit = 1024 * 1024;

test('a step summary says the verdict first, then what is not ready with its fix, then all', () => {
  const text = markdownReport(sampleReport());
  const places = [
    '## ❌ NO-GO',
    '### ❌ governance',
    '<code>secrets/no-secret-in-tree</code> (blocker)',
    '### All',
    '<details>',
  ];
  const found = places.map((place) => text.indexOf(place));
  expect(found).toEqual(found.toSorted((one, other) => one - other));
  expect(found[0]).toBe(0);
  expect(text).toContain('**Fix:** Mend it.');
  expect(text).toContain('<code>deploy/production.env:2</code> looks like a secret');
  expect(text).toContain('- waived until 2026-06-20 by grace: gone with the next release');
  expect(text).toContain('- missing: shellcheck: \\`make setup\\` installs it');
  expect(text).toContain('Not looked at: out of the scope of profile commit: 1; left out by the command line: 1.');
  expect(text).toContain('- <code>release.window</code> (blocker), planned: <code>release/window-is-open</code>');
  expect(text).toContain('Checklist: 61 of 692 boxes answered by this run;');
  expect(markdownReport(goReport())).toMatch(/^## ✅ GO\n\nEvery check that counts is ready\./);
});

test('no text of a finding is markup', () => {
  const text = markdownReport(sampleReport());
  const outsideOfFences = text.replaceAll(/^(`{3,})json\n[\s\S]*?\n\1$/gm, '');
  expect(outsideOfFences).not.toMatch(/<(img|svg|script|!--|!\[)/i);
  expect(outsideOfFences).not.toMatch(/(?<!\\)\]\(/);
  expect(outsideOfFences).not.toMatch(/(?<!\\)!\[/);
  expect(text).not.toMatch(/[^\n\t\P{Cc}]|\p{Bidi_Control}/u);
  // A row of backticks among the facts does not end what holds them.
  expect(text).toContain('````json\n');
});

test('however much was found, the summary stays below what GitHub takes, and says what it left out', () => {
  const [template] = sampleReport().results.filter(({ id }) => id === 'secrets/no-secret-in-tree');
  const many = Array.from({ length: 400 }, (_, index): CheckResult => {
    const findings = Array.from({ length: 40 }, () => ({ message: '𝕏'.repeat(2_000), fingerprint: 'f', fix: 'x' }));
    return { ...(template as CheckResult), id: `a/gate-${index}`, findings };
  });
  const text = markdownReport(sampleReport({ results: many }));
  expect(Buffer.byteLength(text)).toBeLessThan(summaryLimit);
  expect(text).toMatch(/_\d+ more sections do not fit: the JSON and HTML reports have them\._\n$/);
  expect(text).toContain('- … and 20 more');
});

test('annotations name file and line, by severity, with the verdict last', () => {
  const lines = githubReport(sampleReport()).trimEnd().split('\n');
  expect(lines[0]).toMatch(/^::error title=governance::the waiver of a\/b expired/);
  expect(lines[1]).toMatch(/^::error title=checklist::1 item has no answer yet, .*: 1 blocker, 0 warning, 0 advisory$/);
  expect(lines[2]).toBe(
    '::error file=deploy/production.env,line=2,title=secrets/no-secret-in-tree::looks like a secret, by the rule github-pat%0Afix: Mend it.',
  );
  expect(lines[3]).toMatch(/^::error file=deploy\/a b%2Cc%3A%25—d\.env,line=7,title=/);
  expect(lines).toContainEqual(expect.stringMatching(/^::warning title=database\/foreign-keys-are-indexed::huge x+… /));
  expect(lines).toContainEqual(
    '::error title=runbooks/scripts-are-sound was not run::shellcheck: `make setup` installs it',
  );
  expect(lines).toContainEqual('::notice title=ci/zizmor was not run::zizmor');
  expect(lines).toContainEqual(
    expect.stringMatching(/^::notice file=package\.json,line=12,title=supply-chain\/pinned is waived::left-pad/),
  );
  expect(lines.at(-1)).toMatch(/^::error title=preflight%3A NO-GO::.*\(exit code 1\)$/);
});

test('no message begins a command of its own', () => {
  const lines = githubReport(sampleReport()).trimEnd().split('\n');
  for (const line of lines) expect(line).toMatch(/^::(error|warning|notice) ([a-z]+=[^,:]*,?)+::/);
  expect(lines.join('')).not.toMatch(/[^\t\P{Cc}]/u);
});

test('annotations are bounded, and say how many are left', () => {
  const findings = Array.from({ length: 80 }, () => ({ message: 'm', fingerprint: 'f', fix: 'x' }));
  const [result] = sampleReport().results.filter(({ outcome }) => outcome === 'fail');
  const text = githubReport({ ...goReport(), verdict: 'NO-GO', results: [{ ...(result as CheckResult), findings }] });
  expect(text.split('\n').filter((line) => line.startsWith('::error'))).toHaveLength(51);
  expect(text).toContain('::notice title=preflight::30 more are in the other reports');
});
