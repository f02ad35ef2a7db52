import type { Config } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import type { Tree } from '../../io/tree.ts';
import { isSourceFile, isTestFile } from '../code/source-code.ts';
import type { Reading, SecretLiteral } from './secret-literals.ts';
import { readCode } from './secrets-in-code.ts';
import { readText } from './secrets-in-text.ts';

/** Where a secret is written. Its value is left out. */
interface Place extends Pick<SecretLiteral, 'line' | 'name' | 'how'> {
  file: string;
}

interface Facts {
  defaults: Place[];
  /** Findings beyond those that are listed. */
  more: number;
  files: Record<'read' | 'tests' | 'locked' | 'binary' | 'directories', number>;
  /** Files in which an earlier look found nothing, and that are as they were then. The rest tells of the others. */
  cleared: number;
  /** Assignments to names of secrets that were judged. */
  assignments: number;
}

export default defineGate<Facts>({
  id: 'config/no-default-secrets',
  severity: 'blocker',
  profile: 'static',
  needs: [],
  files: ['**'],
  covers: [
    ...['secrets.no-defaults', 'secrets.in-environment', 'db.connections.no-passwords', 'db.connections.secured'],
    'access.processor-endpoint',
  ],
  unit: 'files',
  why: 'A default key is known to everybody who can read the code, and it is in force wherever somebody forgets to set the real one.',
  fix: 'Remove the literal, and have the program refuse to start while the secret is not set.',
  source: 'https://cwe.mitre.org/data/definitions/1392.html',

  async observe({ config, tree, cleared }) {
    const all = await tree.files();
    const files = all.filter((file) => !isTestFile(file) && !lockFile.test(file));
    const tests = all.filter(isTestFile).length;
    const counts = { read: 0, tests, locked: all.length - tests - files.length, binary: 0, directories: 0 };
    const facts: Facts = { defaults: [], more: 0, files: counts, cleared: 0, assignments: 0 };
    facts.cleared = await cleared.lookThrough(files, '', async (uncleared) => {
      const notRead: string[] = [];
      for (const file of uncleared) {
        if (!look(file, await readFile(tree, file), config, facts)) notRead.push(file);
      }
      return [...notRead, ...facts.defaults.map(({ file }) => file)];
    });
    facts.more = Math.max(0, facts.defaults.length - listedDefaults);
    facts.defaults.length -= facts.more;
    return { examined: facts.cleared + facts.files.read, facts };
  },

  judge: ({ defaults, more }) => [
    ...defaults.map(judgePlace),
    ...(more > 0 ? [{ message: `${more} more literals stand where a secret belongs`, identity: 'more' }] : []),
  ],

  samples: {
    good: [sample([])],
    bad: [
      sample([{ file: 'src/config.ts', line: 4, name: 'API_KEY', how: 'fallback' }]),
      sample([{ file: 'compose.yml', line: 9, name: 'POSTGRES_PASSWORD', how: 'assignment' }]),
      sample([{ file: '.env.example', line: 2, name: 'API_KEY', how: 'assignment' }]),
      sample([{ file: 'README.md', line: 30, name: 'a URL', how: 'url' }]),
      sample([{ file: 'migrations/1.sql', line: 3, name: 'a role', how: 'sql' }]),
      sample([{ file: 'bin/start', line: 7, name: 'a command line', how: 'argument' }]),
      { ...sample([]), more: 3 },
    ],
  },

  // Two of the ways in which it happens: a compose file's fallback, and a fallback in the code that runs in production.
  async sabotage({ config, scratch }) {
    const literal = ['dev', 'key', 12345].join('-');
    await scratch.write(
      'compose.planted.yml',
      `services:\n  api:\n    environment:\n      API_KEY: \${API_KEY:-${literal}}\n`,
    );
    const victim = (await scratch.files(...config.code.production)).find(
      (path) => isSourceFile(path) && !isTestFile(path),
    );
    if (victim) {
      const planted = `export const planted = process.env.API_KEY ?? '${literal}';`;
      await scratch.write(victim, `${await scratch.read(victim)}\n${planted}\n`);
    }
    return undefined;
  },
});

/** Generated, long, and full of hashes. */
const lockFile =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|go\.sum|Cargo\.lock|poetry\.lock)$/;
const listedDefaults = 200;
/** Without any of these words, or a URL with an @, a file holds none of what is looked for. It saves parsing most of them. */
const worthReading =
  /key|secret|token|passw|pwd|passphrase|passcode|credential|requirepass|identified\s+by|:\/\/[^\s/]*@|-u\s/i;
/** A file of text beyond this is a data set, not something that somebody configures; it has to be looked at by other means. */
const sizeLimit = 4 * 1024 * 1024;

/**
 * Whether it is a text that was read.
 * @throws for a source file that cannot be parsed, and for a text that is too long to be read in time.
 */
function look(file: string, text: string | undefined, config: Config, facts: Facts): boolean {
  if (text === undefined) {
    facts.files.directories += 1;
    return false;
  }
  if (text.slice(0, 8_000).includes('\0')) {
    facts.files.binary += 1;
    return false;
  }
  if (text.length > sizeLimit)
    throw new Error(`${file} has ${text.length} characters, more than are read: ${sizeLimit}`);
  facts.files.read += 1;
  if (!worthReading.test(text)) return true;
  const { literals, assignments }: Reading = isSourceFile(file) ? readCode(file, text) : readText(file, text);
  facts.assignments += assignments;
  const usable = literals.filter(({ name, value }) => !config.service.variables[name]?.refused.includes(value));
  facts.defaults.push(...usable.map(({ line, name, how }) => ({ file, line, name, how })));
  return true;
}

/** Undefined for what git lists in place of a directory: a link to one, or a submodule, whose files are not of this tree. */
async function readFile(tree: Tree, file: string): Promise<string | undefined> {
  try {
    return await tree.read(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') return undefined;
    throw error;
  }
}

function judgePlace({ file, line, name, how }: Place): Finding {
  const said = {
    fallback: `falls back to a literal for ${name}`,
    assignment: `gives ${name} a literal that could be used`,
    url: 'holds a URL with a password in it',
    sql: 'sets the password of a role to a literal',
    argument: 'passes a literal password on a command line',
  }[how];
  return {
    message: `it ${said}`,
    file,
    line,
    identity: `${how} ${name}`,
    fix: fixOf({ file, name, how }),
  };
}

function fixOf({ file, name, how }: Pick<Place, 'file' | 'name' | 'how'>): string {
  const isCode = isSourceFile(file);
  if (how === 'url') return 'Take the URL from the environment, or write its password as <password>.';
  if (how === 'sql')
    return "Create the role without a password here, and set it at deployment: psql -v password=… with PASSWORD :'password'.";
  if (how === 'argument')
    return 'Pass the password by the environment or by a file: arguments are seen by every process of the machine.';
  if (/\.env\.|\.env$/.test(file)) return `Leave it empty: ${name}=`;
  if (isCode) return `Read ${name} from the environment without a fallback, and refuse to start while it is not set.`;
  return `Require it: \${${name}:?set ${name}}, or name a file outside of the repository that holds it.`;
}

function sample(defaults: Place[]): Facts {
  const files = { read: 40, tests: 8, locked: 1, binary: 0, directories: 0 };
  return { defaults, more: 0, files, cleared: 0, assignments: 12 };
}
