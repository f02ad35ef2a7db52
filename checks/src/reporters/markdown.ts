import type { CheckResult, Outcome, Report } from '../engine/report.ts';
import { bounded } from './json.ts';
import {
  byUrgency,
  checklistSentence,
  commitWords,
  countLeftOut,
  countOutcomes,
  examinedWords,
  inSeconds,
  notApplicable,
  placeOf,
  tookMs,
  unanswered,
  verdictSentence,
} from './order.ts';
import { cut, visible } from './visible.ts';

/**
 * GitHub refuses a step's summary beyond 1 MiB. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 * The rest is for the note that says what was left out.
 */
const mostBytes = 1_000_000;
const findingsShown = 20;
const longestMessage = 1_000;
const longestFacts = 5_000;

const marks: Record<Outcome, string> = { pass: '✅', fail: '❌', error: '⚠️', 'not-run': '⏭️', waived: '🟡' };
const verdictMarks: Record<Report['verdict'], string> = { GO: '✅', 'NO-GO': '❌', UNKNOWN: '❓' };

/** A GitHub step summary: the verdict, what is not ready with its fix first, a table of all, and what each saw, folded. */
export function markdownReport(report: Report): string {
  const ordered = byUrgency(report.results);
  const unready = ordered.filter(({ outcome }) => outcome !== 'pass');
  // In this order, because what no longer fits is left out from the end.
  const sections = [
    head(report),
    ...report.governance.map((fault) => `### ❌ governance\n\n${inline(fault)}`),
    ...unready.map(describe),
    withoutAnswer(report),
    table(ordered),
    `Checklist: ${checklistSentence(report)}.`,
    leftOut(report),
    ...ordered.filter(({ facts }) => facts !== null).map(details),
  ].filter(Boolean);
  return fitting(sections);
}

function fitting(sections: readonly string[]): string {
  const kept: string[] = [];
  let bytes = 0;
  for (const section of sections) {
    bytes += Buffer.byteLength(section) + 2;
    if (bytes > mostBytes) break;
    kept.push(section);
  }
  const missing = sections.length - kept.length;
  if (missing > 0) kept.push(`_${missing} more sections do not fit: the JSON and HTML reports have them._`);
  return `${kept.join('\n\n')}\n`;
}

function head(report: Report): string {
  const counts = countOutcomes(report.results).map(([outcome, count]) => `${marks[outcome]} ${count} ${outcome}`);
  const partial = countLeftOut(report).byCommandLine > 0 ? ', for what was selected only' : '';
  return [
    `## ${verdictMarks[report.verdict]} ${report.verdict}`,
    `${verdictSentence(report)} ${counts.join(' · ')}`,
    `Profile \`${report.profile}\`${partial}, ${commitWords(report)}, in ${inSeconds(tookMs(report))} (exit code ${report.exitCode})`,
  ].join('\n\n');
}

function describe(result: CheckResult): string {
  const fixes = [...new Set(result.findings.slice(0, findingsShown).map(({ fix }) => fix))];
  const places = result.findings.slice(0, findingsShown).map((finding) => {
    const place = placeOf(finding);
    return `- ${place ? `${code(place)} ` : ''}${inline(finding.message)}`;
  });
  const more = result.findings.length - findingsShown;
  const { waiver } = result;
  return [
    `### ${marks[result.outcome]} ${result.outcome}: ${code(result.id)} (${result.severity})`,
    ...fixes.map((fix) => `**Fix:** ${inline(fix)}`),
    [
      ...places,
      ...(more > 0 ? [`- … and ${more} more`] : []),
      ...(result.missing ?? []).map((missing) => `- missing: ${inline(missing)}`),
      ...(waiver
        ? [`- waived until ${inline(waiver.expires)} by ${inline(waiver.approver)}: ${inline(waiver.reason)}`]
        : []),
    ].join('\n'),
  ].join('\n\n');
}

function table(results: readonly CheckResult[]): string {
  const rows = results.map((result) => {
    const { id, outcome, severity, durationMs } = result;
    return `| ${marks[outcome]} ${outcome} | ${code(id)} | ${severity} | ${inline(examinedWords(result))} | ${inSeconds(durationMs)} |`;
  });
  return ['### All', '', '| outcome | check | severity | examined | took |', '|---|---|---|--:|--:|', ...rows].join(
    '\n',
  );
}

function withoutAnswer(report: Report): string {
  const without = unanswered(report);
  if (!without) return '';
  const rows = without.items
    .slice(0, findingsShown)
    .map(({ id, severity, planned }) => `- ${code(id)} (${severity}), planned: ${code(planned)}`);
  const more = without.items.length - rows.length;
  return [`### ⚠️ checklist\n\n${without.sentence}.\n`, ...rows, ...(more > 0 ? [`- … and ${more} more`] : [])].join(
    '\n',
  );
}

function leftOut(report: Report): string {
  const { byProfile, byLength, byCommandLine } = countLeftOut(report);
  const parts = [
    byProfile > 0 ? `out of the scope of profile ${report.profile}: ${byProfile}` : '',
    byLength > 0 ? `takes minutes, looked at with --long: ${byLength}` : '',
    byCommandLine > 0 ? `left out by the command line: ${byCommandLine}` : '',
  ].filter(Boolean);
  const aside = notApplicable(report).map(({ id, because }) => `- ${code(id)}: ${inline(because)}`);
  return [
    ...(parts.length > 0 ? [`Not looked at: ${parts.join('; ')}.`] : []),
    ...(aside.length > 0 ? [`Not applicable, by the configuration: ${aside.length}\n\n${aside.join('\n')}`] : []),
  ].join('\n\n');
}

function details({ id, facts }: CheckResult): string {
  const text = cut(visible(JSON.stringify(bounded(facts), null, 2)), longestFacts);
  // Longer than any row of backticks inside, so that nothing inside can end it.
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([row]) => row.length));
  const fence = '`'.repeat(longest + 1);
  return `<details><summary>What ${inline(id)} saw</summary>\n\n${fence}json\n${text}\n${fence}\n\n</details>`;
}

/** Text as text: no markup and no image, on one line. */
function inline(text: string): string {
  return cut(visible(text), longestMessage)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`*_[\]~|#!$]/g, '\\$&')
    .replaceAll('\n', '<br>');
}

function code(text: string): string {
  return `<code>${inline(text)}</code>`;
}
