import { readFileSync, writeFileSync } from 'node:fs';
import { allChecks } from '../checks/src/all.ts';
import type { Check } from '../checks/src/engine/gate.ts';

const documentFile = new URL('../GATES.md', import.meta.url);

type Described = Pick<
  Check,
  'id' | 'kind' | 'severity' | 'profile' | 'needs' | 'covers' | 'unit' | 'why' | 'fix' | 'source'
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
      `- ${check.kind}, ${check.severity}, from profile \`${check.profile}\``,
      `- needs ${needs}; counts ${check.unit}`,
      `- answers ${check.covers.map(code).join(', ') || 'no checklist item'}`,
      `- source: ${check.source}`,
    ].join('\n'),
  ].join('\n\n');
}

function code(text: string): string {
  return `\`${text}\``;
}

/** `--write` writes GATES.md; `--check` exits 1 when it is not what the gates say. */
function main(flag: string | undefined): number {
  const wanted = gatesDocument(allChecks);
  if (flag === '--write') {
    writeFileSync(documentFile, wanted);
    console.log(`GATES.md: ${allChecks.length} gates and drills`);
    return 0;
  }
  if (flag !== '--check') {
    console.error('usage: node tools/gates-document.ts --write | --check');
    return 2;
  }
  if (currentText() === wanted) return 0;
  console.error('GATES.md does not say what the gates say: run `make docs` and commit the result');
  return 1;
}

/** A file that is not there yet is as stale as an old one. */
function currentText(): string | undefined {
  try {
    return readFileSync(documentFile, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

if (import.meta.main) process.exitCode = main(process.argv[2]);
