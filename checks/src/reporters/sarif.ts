import { readFileSync } from 'node:fs';
import type { Invocation, Location, Log, Notification, ReportingDescriptor, Result } from 'sarif';
import { z } from 'zod';
import type { CheckResult, Report, ReportedFinding } from '../engine/report.ts';
import type { Severity } from '../engine/severity.ts';
import { countLeftOut, notApplicable, unanswered, verdictSentence } from './order.ts';
import type { Described, Setting } from './setting.ts';
import { cut, visible } from './visible.ts';

/** https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html */
const schemaUri = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const levels: Record<Severity, 'error' | 'warning' | 'note'> = {
  blocker: 'error',
  warning: 'warning',
  advisory: 'note',
};
const longestText = 10_000;

/** The name under which a code-scanning service keeps our own fingerprint from one run to the next. */
const fingerprintName = 'preflight/v1';

/**
 * SARIF 2.1.0: each check is a rule, each finding a result at its place. What could not be looked at is no result but a
 * notification of the tool, and the invocation then says that it was not successful. What was waived is a suppressed result.
 */
export function sarifReport(report: Report, { described }: Setting): string {
  const log: Log = {
    $schema: schemaUri,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'preflight',
            semanticVersion: ownVersion(),
            rules: report.results.map((result) => ruleOf(result, described.get(result.id))),
          },
        },
        automationDetails: { id: `preflight/${report.profile}/` },
        columnKind: 'utf16CodeUnits',
        invocations: [invocationOf(report)],
        results: report.results.flatMap((result, ruleIndex) => resultsOf(result, ruleIndex)),
        properties: {
          ...{ verdict: report.verdict, profile: report.profile, commit: report.commit, dirty: report.dirty },
          ...{
            configHash: report.configHash,
            tools: report.tools,
            notLookedAt: countLeftOut(report),
            notApplicable: notApplicable(report),
          },
        },
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

function ruleOf(result: CheckResult, described: Described | undefined): ReportingDescriptor {
  const { id, severity, covers, cached, takenUp, attempts } = result;
  const { why = '', fix = '', source = '' } = described ?? {};
  return {
    id,
    name: id.replaceAll(/(?:^|[/-])(\w)/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: id.replaceAll(/[/-]/g, ' ') },
    fullDescription: { text: why || id },
    help: { text: `${why}\n\nFix: ${fix}`, markdown: `${why}\n\n**Fix.** ${fix}` },
    ...(URL.canParse(source) ? { helpUri: source } : {}),
    defaultConfiguration: { level: levels[severity] },
    // Where its result is from, when it is not from one look in this run.
    properties: { tags: covers, ...(cached && { cached }), ...(takenUp && { takenUp }), ...(attempts && { attempts }) },
  };
}

function resultsOf(result: CheckResult, ruleIndex: number): Result[] {
  if (result.outcome !== 'fail' && result.outcome !== 'waived') return [];
  return result.findings.map((finding) => ({
    ruleId: result.id,
    ruleIndex,
    kind: 'fail',
    level: levels[result.severity],
    message: { text: textOf(`${finding.message}\nFix: ${finding.fix}`) },
    locations: [locationOf(finding, result)],
    partialFingerprints: { [fingerprintName]: finding.fingerprint },
    ...(result.waiver
      ? { suppressions: [{ kind: 'external', status: 'accepted', justification: justificationOf(result.waiver) }] }
      : {}),
  }));
}

function justificationOf({ reason, owner, approver, expires }: NonNullable<CheckResult['waiver']>): string {
  return textOf(`${reason} (owner ${owner}, approved by ${approver}, until ${expires})`);
}

/** A file where one is named; else the check, as a place that is not a file. */
function locationOf({ file, line }: ReportedFinding, { id }: CheckResult): Location {
  if (file === undefined) return { logicalLocations: [{ fullyQualifiedName: id, kind: 'resource' }] };
  const uri = file.toWellFormed().split('/').map(encodeURIComponent).join('/');
  return {
    physicalLocation: {
      artifactLocation: { uri, uriBaseId: '%SRCROOT%' },
      ...(line === undefined ? {} : { region: { startLine: line } }),
    },
  };
}

function invocationOf(report: Report): Invocation {
  const unjudged = report.results.flatMap((result, index) => notificationOf(result, index) ?? []);
  const governance = report.governance.map(
    (fault): Notification => ({ level: 'error', message: { text: textOf(fault) } }),
  );
  const without = unanswered(report);
  const checklist: Notification[] = without ? [{ level: 'error', message: { text: without.sentence } }] : [];
  return {
    executionSuccessful: unjudged.every(({ level }) => level !== 'error'),
    exitCode: report.exitCode,
    exitCodeDescription: `${report.verdict}: ${verdictSentence(report)}`,
    startTimeUtc: report.startedAt,
    endTimeUtc: report.finishedAt,
    toolExecutionNotifications: unjudged,
    toolConfigurationNotifications: [...governance, ...checklist],
  };
}

function notificationOf(result: CheckResult, index: number): Notification | undefined {
  if (result.outcome !== 'error' && result.outcome !== 'not-run') return undefined;
  const reasons = result.outcome === 'error' ? result.findings.map(({ message }) => message) : (result.missing ?? []);
  return {
    level: levels[result.severity],
    message: { text: textOf(`${result.id}: ${result.outcome}. ${reasons.join('; ')}`) },
    associatedRule: { id: result.id, index },
  };
}

function textOf(text: string): string {
  return cut(visible(text), longestText);
}
