import type { CheckResult, Report } from '../engine/report.ts';
import type { Severity } from '../engine/severity.ts';
import { byUrgency, unanswered, verdictSentence } from './order.ts';
import { cut, visible } from './visible.ts';

type Command = 'error' | 'warning' | 'notice';

const commands: Record<Severity, Command> = { blocker: 'error', warning: 'warning', advisory: 'notice' };
/** GitHub shows ten of each kind for a step. More lines than these only make its log longer. */
const mostAnnotations = 50;
const longestMessage = 4_000;

interface Annotation {
  command: Command;
  title: string;
  message: string;
  file?: string | undefined;
  line?: number | undefined;
}

/**
 * Annotations of a pull request's lines, as workflow commands; the verdict comes last. Blockers are errors, warnings
 * warnings, the rest notices. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function githubReport(report: Report): string {
  const all = [
    ...governanceAnnotations(report),
    ...checklistAnnotations(report),
    ...byUrgency(report.results).flatMap(annotationsOf),
  ];
  const left = all.length - mostAnnotations;
  const more: Annotation[] = [
    { command: 'notice', title: 'preflight', message: `${left} more are in the other reports` },
  ];
  const shown = [...all.slice(0, mostAnnotations), ...(left > 0 ? more : []), verdictAnnotation(report)];
  return `${shown.map(printed).join('\n')}\n`;
}

function annotationsOf(result: CheckResult): Annotation[] {
  const command = commands[result.severity];
  const { waiver } = result;
  switch (result.outcome) {
    case 'pass':
      return [];
    case 'not-run':
      return [{ command, title: `${result.id} was not run`, message: (result.missing ?? []).join('\n') }];
    case 'waived':
      return result.findings.map(({ message, file, line }) => ({
        ...{ command: 'notice', title: `${result.id} is waived`, file, line },
        message: `${message}\nwaived until ${waiver?.expires} by ${waiver?.approver}: ${waiver?.reason}`,
      }));
    case 'error':
    case 'fail':
      return result.findings.map(({ message, fix, file, line }) => ({
        ...{ command, title: result.id, file, line },
        message: `${message}\nfix: ${fix}`,
      }));
  }
}

function governanceAnnotations({ governance }: Report): Annotation[] {
  return governance.map((message) => ({ command: 'error', title: 'governance', message }));
}

function checklistAnnotations(report: Report): Annotation[] {
  const without = unanswered(report);
  return without ? [{ command: 'error', title: 'checklist', message: without.sentence }] : [];
}

function verdictAnnotation(report: Report): Annotation {
  const command = report.verdict === 'GO' ? 'notice' : 'error';
  const message = `${verdictSentence(report)} (exit code ${report.exitCode})`;
  return { command, title: `preflight: ${report.verdict}`, message };
}

function printed({ command, title, message, file, line }: Annotation): string {
  const properties = [
    ...(file === undefined ? [] : [`file=${escapeProperty(file)}`]),
    ...(file === undefined || line === undefined ? [] : [`line=${line}`]),
    `title=${escapeProperty(title)}`,
  ];
  return `::${command} ${properties.join(',')}::${escapeData(cut(visible(message), longestMessage))}`;
}

/** No line feed is left, so nothing in a message can begin a command of its own. */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(visible(text)).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
