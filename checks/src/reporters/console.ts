import pc from 'picocolors';
import { spelt } from '../engine/duration.ts';
import type { CheckResult, Outcome, Report } from '../engine/report.ts';
import { severities } from '../engine/severity.ts';
import { countLeftOut, notApplicable } from './order.ts';

type Colours = ReturnType<typeof pc.createColors>;

const marks: Record<Outcome, string> = { pass: '✓', fail: '✗', error: '!', 'not-run': '–', waived: '~' };
const findingsShown = 5;
const slowestShown = 3;

/** For a person: what failed, its fix first; then one screen with every outcome and the verdict last. */
export function consoleReport(report: Report, colour: boolean): string {
  const colours = pc.createColors(colour);
  const unready = report.results.filter(({ outcome }) => outcome !== 'pass');
  const sections = [
    ...unready.map((result) => describe(result, colours)),
    ...report.governance.map((fault) => `${colours.red('✗ governance')}  ${fault}\n`),
    ...(report.checklist.failed.length > 0 ? [withoutAnswer(report.checklist.failed, colours)] : []),
    summary(report, colours),
  ];
  return `${sections.join('\n')}\n`;
}

/** Blockers first: the list is long while many checks are only planned. */
function withoutAnswer(failed: Report['checklist']['failed'], colours: Colours): string {
  const sorted = severities.flatMap((severity) => failed.filter((item) => item.severity === severity));
  const lines = sorted
    .slice(0, findingsShown)
    .map(({ id, severity, planned }) => `  ${id}  ${colours.dim(severity)}  planned: ${planned}`);
  const counts = severities.map(
    (severity) => `${failed.filter((item) => item.severity === severity).length} ${severity}`,
  );
  const head = `${colours.red('✗ checklist')}  ${failed.length} items have no answer yet: ${counts.join(', ')}`;
  const fix = '  fix: write the planned gate or drill, and name the item in its covers';
  const more = failed.length > lines.length ? [colours.dim('  … `preflight checklist` counts them all')] : [];
  return `${[head, fix, ...lines, ...more].join('\n')}\n`;
}

function paint(outcome: Outcome, colours: Colours): (text: string) => string {
  if (outcome === 'pass') return colours.green;
  if (outcome === 'fail' || outcome === 'error') return colours.red;
  return colours.yellow;
}

function describe(result: CheckResult, colours: Colours): string {
  const head = paint(result.outcome, colours)(`${marks[result.outcome]} ${result.outcome}  ${colours.bold(result.id)}`);
  const lines = [`${head}  ${colours.dim(result.severity)}`];
  for (const fix of new Set(result.findings.slice(0, findingsShown).map((finding) => finding.fix)))
    lines.push(`  fix: ${fix}`);
  for (const { message, file, line } of result.findings.slice(0, findingsShown)) {
    lines.push(`  ${file ? `${colours.cyan(line ? `${file}:${line}` : file)}  ` : ''}${indent(message)}`);
  }
  const more = result.findings.length - findingsShown;
  if (more > 0) lines.push(colours.dim(`  … and ${more} more: \`--reporter json\` has them all`));
  for (const missing of result.missing ?? []) lines.push(`  missing: ${missing}`);
  if (result.waiver)
    lines.push(`  waived until ${result.waiver.expires} by ${result.waiver.approver}: ${result.waiver.reason}`);
  return `${lines.join('\n')}\n`;
}

function indent(message: string): string {
  return message.replaceAll('\n', '\n    ');
}

function summary(report: Report, colours: Colours): string {
  const width = Math.max(...report.results.map(({ id }) => id.length));
  const rows = report.results.map((result) => {
    const looked = [
      ...(result.examined > 0 ? [`${result.examined} ${result.unit}`] : []),
      ...(result.cached ? [`cached ${result.cached.key}`] : []),
      ...(result.attempts ? [`attempt ${result.attempts.length}: ${spokenAttempts(result.attempts)}`] : []),
      ...(result.takenUp ? [`taken up, seen ${agoOf(result.takenUp.lookedAt, report)} before`] : []),
    ].join(', ');
    const mark = paint(result.outcome, colours)(marks[result.outcome]);
    return `${mark} ${result.id.padEnd(width)}  ${seconds(result.durationMs)}  ${colours.dim(looked)}`;
  });
  return [...rows, '', ...footer(report, colours)].join('\n');
}

function footer(report: Report, colours: Colours): string[] {
  const count = (outcome: Outcome) => report.results.filter((result) => result.outcome === outcome).length;
  const counts = (Object.keys(marks) as Outcome[])
    .filter((outcome) => count(outcome) > 0)
    .map((outcome) => `${count(outcome)} ${outcome}`);
  const slowest = [...report.results].sort((a, b) => b.durationMs - a.durationMs).slice(0, slowestShown);
  const tookMs = Date.parse(report.finishedAt) - Date.parse(report.startedAt);
  return [
    `${counts.join(', ')} in ${seconds(tookMs).trim()}; slowest: ${slowest.map(({ id, durationMs }) => `${id} ${seconds(durationMs).trim()}`).join(', ')}`,
    ...notLookedAt(report),
    checklistLine(report.checklist.boxes),
    verdictLine(report, colours),
  ];
}

function notLookedAt(report: Report): string[] {
  const of = (...reasons: string[]) => report.leftOut.filter(({ reason }) => reasons.includes(reason)).length;
  const profile = of('profile');
  const long = of('long');
  const asked = of('selection', 'skip', 'tag');
  return [
    ...(profile > 0 ? [`out of the scope of profile ${report.profile}: ${profile}, not looked at`] : []),
    ...(long > 0 ? [`takes minutes, looked at with --long: ${long}, not looked at`] : []),
    ...unchanged(report),
    ...(asked > 0 ? [`left out by the command line: ${asked}, not looked at`] : []),
    ...asideLines(report),
  ];
}

function asideLines(report: Report): string[] {
  const aside = notApplicable(report);
  if (aside.length === 0) return [];
  const lines = aside.map(({ id, because }) => `  ${id}  ${because}`);
  return [`not applicable, by the configuration: ${aside.length}, not looked at`, ...lines];
}

function checklistLine({ boxes, answered, signOff, planned, notApplicable }: Report['checklist']['boxes']): string {
  const rest = `${planned} planned, ${signOff} by sign-off, ${notApplicable} not applicable`;
  return `checklist: ${answered} of ${boxes} boxes answered by this run; ${rest}`;
}

/** By name: whoever thinks that a change touches one of them has to see that it was left out. */
function unchanged({ leftOut }: Report): string[] {
  const ids = leftOut.filter(({ reason }) => reason === 'unchanged').map(({ id }) => id);
  return ids.length > 0 ? [`left out, for none of their files has changed: ${ids.join(', ')}`] : [];
}

function verdictLine(report: Report, colours: Colours): string {
  const paintVerdict = { GO: colours.green, 'NO-GO': colours.red, UNKNOWN: colours.yellow }[report.verdict];
  const commit =
    report.commit === ''
      ? 'no commit'
      : `${report.commit.slice(0, 12)}${report.dirty ? ' with uncommitted changes' : ''}`;
  const partial = countLeftOut(report).byCommandLine > 0 ? ', for what was selected only' : '';
  return `${paintVerdict(colours.bold(report.verdict))}  profile ${report.profile}${partial}, ${commit} (exit code ${report.exitCode})`;
}

function spokenAttempts(attempts: NonNullable<CheckResult['attempts']>): string {
  return attempts.map(({ outcome }) => outcome).join(', then ');
}

/** How long before the run's end something was seen: `90 min` or `26.5 h`. */
function agoOf(lookedAt: string, { finishedAt }: Report): string {
  return spelt(Date.parse(finishedAt) - Date.parse(lookedAt));
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`.padStart(7);
}
