/**
 * A case is a text file: a sentence, then sections that begin with `=== `.
 *
 *     What it shows.
 *     === file PATH           before the command, as often as wanted: a file of the fixture, instead of its own
 *     === without NAME        gitleaks: the program is not on the machine; else a file of the fixture that is removed
 *     === environment         NAME=VALUE, one in a line
 *     === evidence DIR        written before the command: a GO of the fixture's commit, changed by this JSON
 *     === before              lines for a shell, with the machine's programs, after all files and evidence are there
 *     === command             as it is typed
 *     === exit code
 *     === stdout
 *     === stderr
 *
 * In files `{token}` is a secret of this run, and `{today+10}` a date. In outputs `{time}`, `{commit}`, `{root}` (the
 * fixture), `{preflight}` (this repository), `{number}`, `{slowest}`, `{figures}` (a row of the checklist's table) and `{rest}`
 * stand for what differs from run to run, `{planned}` and `{items}` for what a release waits for beside what the case is about.
 */
export interface CliCase {
  title: string;
  files: { path: string; text: string }[];
  without: string[];
  environment: Record<string, string>;
  evidence: { directory: string; change: string }[];
  before: string;
  command: string;
  expected: Outputs;
}

export interface Outputs {
  code: number;
  stdout: string;
  stderr: string;
}

/** @throws when a section is missing, or has a name that is none. */
export function parseCase(text: string): CliCase {
  const [title = '', ...sections] = text.split(/^=== /m);
  const read: CliCase = {
    ...{ title: title.trim(), files: [], without: [], environment: {}, evidence: [], before: '', command: '' },
    expected: { code: Number.NaN, stdout: '', stderr: '' },
  };
  for (const section of sections) {
    const end = section.indexOf('\n');
    take(read, section.slice(0, end).trim(), section.slice(end + 1));
  }
  if (read.title === '' || read.command === '' || Number.isNaN(read.expected.code))
    throw new Error('a case has a title, a command and an exit code');
  return read;
}

function take(read: CliCase, heading: string, body: string): void {
  const [name = '', rest = ''] = heading.split(/ (?=[^ ]+$)/);
  if (name === 'file') read.files.push({ path: rest, text: body });
  else if (name === 'evidence') read.evidence.push({ directory: rest, change: body });
  else if (heading === 'before') read.before = body;
  else if (name === 'without') read.without.push(rest);
  else if (heading === 'environment')
    read.environment = Object.fromEntries(lines(body).map((line) => line.split(/=(.*)/s, 2)));
  else if (heading === 'command') read.command = body.trim();
  else if (heading === 'exit code') read.expected.code = Number(body);
  else if (heading === 'stdout' || heading === 'stderr') read.expected[heading] = body;
  else throw new Error(`a case has no section ${heading}`);
}

function lines(body: string): string[] {
  return body.split('\n').filter(Boolean);
}

/** The case with other outputs, as text. */
export function printCase(text: string, { code, stdout, stderr }: Outputs): string {
  const kept = text.slice(0, text.indexOf('=== exit code'));
  return `${kept}=== exit code\n${code}\n=== stdout\n${stdout}=== stderr\n${stderr}`;
}

/** The words of a command line; single quotes hold together what has spaces. */
export function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}
