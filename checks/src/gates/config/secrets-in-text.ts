import { lineAt } from '../code/source-code.ts';
import type { Reading, SecretLiteral } from './secret-literals.ts';
import { isSecretName, isUsable, sqlPasswords, urlsWithPassword } from './secret-names.ts';

/**
 * How a file is read. In `data` (YAML, shell, environment files …) a bare word is a value; in `program` (languages that are
 * not parsed here) only a quoted one is; of `prose` only the fenced blocks are data.
 */
type Format = 'data' | 'environment' | 'program' | 'prose';

const programs = /\.(py|go|rb|java|kt|kts|php|rs|cs|c|h|cc|cpp|swift|scala|lua|pl|ex|exs|clj|ps1)$/;
const environmentFile = /(^|\/)[^/]*\.env(\.[\w.-]+)?$/;

export function formatOf(path: string): Format {
  if (environmentFile.test(path)) return 'environment';
  if (/\.(md|mdx|rst|adoc|txt|html)$/.test(path)) return 'prose';
  return programs.test(path) ? 'program' : 'data';
}

/**
 * Reads anything that is not JavaScript: assignments (`NAME=value`, `NAME: value`, a Kubernetes name with its value below),
 * fallbacks (`${NAME:-value}`), and passwords in URLs, in SQL and on command lines. A comment is not read, except in a file of
 * environment variables, where it is an example to copy.
 */
export function readText(path: string, text: string): Reading {
  const format = formatOf(path);
  const reading: Reading = { literals: [], assignments: 0 };
  let fenced = false;
  let above = '';
  for (const [index, line] of text.split('\n').entries()) {
    const isFence = format === 'prose' && /^\s*(```|~~~)/.test(line);
    if (isFence) fenced = !fenced;
    if ((format === 'prose' && (isFence || !fenced)) || isComment(line, format)) continue;
    const seen = readLine(line.slice(0, longestLine), above, format);
    reading.assignments += seen.assignments;
    reading.literals.push(...seen.literals.map((literal) => ({ ...literal, line: index + 1 })));
    if (line.trim() !== '') above = line;
  }
  for (const at of urlsWithPassword(text)) reading.literals.push({ ...inText(text, at), name: 'a URL', how: 'url' });
  for (const at of sqlPasswords(text)) reading.literals.push({ ...inText(text, at), name: 'a role', how: 'sql' });
  return reading;
}

/** A longer line is generated, not written; what follows is not read as assignments. URLs and SQL are found in all of it. */
const longestLine = 2_000;

function inText(text: string, at: number): Pick<SecretLiteral, 'line' | 'value'> {
  return { line: lineAt(text, at), value: text.slice(at, text.indexOf('\n', at)) };
}

function isComment(line: string, format: Format): boolean {
  if (format === 'environment') return /^\s*#(?!\s*[A-Z][A-Z0-9_]*=)/.test(line);
  return /^\s*(#|\/\/|--\s|;)/.test(line);
}

type Unplaced = Omit<SecretLiteral, 'line'>;

function readLine(line: string, above: string, format: Format): { literals: Unplaced[]; assignments: number } {
  const assigned = assignmentsIn(line, above, format).filter(({ name }) => isSecretName(name));
  const literals = [...assigned, ...fallbacksIn(line), ...argumentsIn(line)].filter(({ value }) => isUsable(value));
  return { literals, assignments: assigned.length };
}

/** A name at a line's beginning or in a flow mapping, then a colon; or a name anywhere, then an equals sign. */
const colon = /(?:^\s*(?:-\s+)?|[{,]\s*)(?:(["'])([\w.-]+)\1\s*:\s*|([A-Za-z_][\w.-]*):\s+)/g;
const equals = /(?<![\w$.{])([A-Za-z_][\w.-]*)["']?\]?\s*(?<![!<>=])[?:+]?=(?![=>~])\s*/g;
const kubernetesName = /^\s*(?:-\s+)?name:\s*["']?([\w.-]+)["']?\s*$/;
const kubernetesValue = /^\s*value:\s*/;
const quotedValue = /(?:"([^"\n]*)"|'([^'\n]*)')/y;
const bareValue = /(?:"([^"\n]*)"|'([^'\n]*)'|(<[^>\n]*>|[^\s,;"')}\]#][^\s,;"')\]]*))/y;

function assignmentsIn(line: string, above: string, format: Format): Unplaced[] {
  const value = format === 'program' ? quotedValue : bareValue;
  const found: Unplaced[] = [];
  const take = (name: string | undefined, at: number) => {
    value.lastIndex = at;
    const match = value.exec(line);
    if (name !== undefined && match) {
      found.push({ name, how: 'assignment', value: match[1] ?? match[2] ?? match[3] ?? '' });
    }
  };
  for (const match of line.matchAll(colon)) take(match[2] ?? match[3], match.index + match[0].length);
  for (const match of line.matchAll(equals)) take(match[1], match.index + match[0].length);
  const [below] = kubernetesValue.exec(line) ?? [];
  if (below !== undefined) take(kubernetesName.exec(above)?.[1], below.length);
  return found.filter((entry) => !isReferenceToAKey(entry));
}

/** In a Kubernetes manifest `secretKey: database-password` names an entry of a secret; it is not one. */
function isReferenceToAKey({ name, value }: Unplaced): boolean {
  return /^secretKey$/.test(name) && /^[a-z]+([-_.][a-z]+)+$/.test(value);
}

function fallbacksIn(line: string): Unplaced[] {
  return [...line.matchAll(/\$\{([A-Za-z_]\w*):?[-=]([^}$]*)\}/g)].flatMap(([, name = '', value = '']) =>
    isSecretName(name) ? [{ name, how: 'fallback' as const, value: value.replace(/^(["'])(.*)\1$/, '$2') }] : [],
  );
}

const flags = [
  /(?:^|\s)--(?:[\w-]*-)?(?:password|passwd|requirepass|secret|token|api-key)\s+["']?([^\s"'-][^\s"']*)/g,
  /^\s*requirepass\s+["']?([^\s"']+)/g,
  /\bcurl\b.*\s(?:-u|--user)\s+["']?[\w.-]+:([^\s"']+)/g,
];
/** A help text says `--token TOKEN`. */
const metavariable = /^[A-Z][A-Z_]*$/;

function argumentsIn(line: string): Unplaced[] {
  return flags
    .flatMap((flag) => [...line.matchAll(flag)])
    .filter(([, value = '']) => !metavariable.test(value))
    .map(([, value = '']) => ({ name: 'a command line', how: 'argument', value }));
}
