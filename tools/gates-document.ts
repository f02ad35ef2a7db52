import { allChecks } from '../checks/src/all.ts';
import type { Check } from '../checks/src/engine/gate.ts';
import { type GeneratedDocument, writeOrCheck } from './generated-document.ts';

type Described = Pick<
  Check,
  'id' | 'kind' | 'severity' | 'profile' | 'unwaivable' | 'needs' | 'covers' | 'unit' | 'why' | 'fix' | 'source'
>;

/** GATES.md as text: an index, then one section for each check, in the order of their ids so that a diff stays small. */
export function gatesDocument(checks: readonly Described[]): string {
  const sorted = checks.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const gates = sorted.filter(({ kind }) => kind === 'gate').length;
  return [
    '# Gates',
    `${gates} gates and ${sorted.length - gates} drills. \`make docs\` writes this file from their sources.`,
    indexOf(sorted),
    ...sorted.map(section),
  ]
    .join('\n\n')
    .concat('\n');
}

function indexOf(checks: readonly Described[]): string {
  const rows = checks.map(
    ({ id, kind, severity, profile }) => `| [${id}](#${anchorOf(id)}) | ${kind} | ${severity} | ${profile} |`,
  );
  return ['| id | kind | severity | from profile |', '|---|---|---|---|', ...rows].join('\n');
}

/** As GitHub makes it from a heading: lower case, punctuation dropped. */
function anchorOf(id: string): string {
  return id.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '');
}

function section(check: Described): string {
  const needs = check.needs.length > 0 ? check.needs.map(code).join(', ') : 'nothing but the files';
  return [
    `## ${check.id}`,
    check.why,
    `**Fix.** ${check.fix}`,
    [
      `- ${check.kind}, ${check.severity}, from profile \`${check.profile}\`${check.unwaivable ? '; no waiver is accepted of it' : ''}`,
      `- needs ${needs}; counts ${check.unit}`,
      `- answers ${check.covers.map(code).join(', ') || 'no checklist item'}`,
      `- source: ${check.source}`,
    ].join('\n'),
  ].join('\n\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

const document: GeneratedDocument = {
  file: new URL('../GATES.md', import.meta.url),
  text: () => gatesDocument(allChecks),
  about: `${allChecks.length} gates and drills`,
};

if (import.meta.main) process.exitCode = writeOrCheck(document, 'gates-document.ts', process.argv[2]);
