import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type ExecResult, lastLines } from '../../io/exec.ts';

interface Complaint {
  file: string;
  line: number;
  code: number;
  message: string;
}

interface Run {
  code: number;
  /** How often it called the service, the database or Redis. */
  connections: number;
  /** What it left in its home, its working directory or its temporary directory. */
  left: string[];
  /** The last lines that it printed. */
  said: string;
}

interface Script {
  file: string;
  executable: boolean;
  /** The first line, or the empty string. */
  shebang: string;
  /** Null: it is a library, which is sourced and not run. */
  runs: { help: Run & { missing: string[] }; dryRun: Run; unknownFlag: Run } | null;
}

interface Facts {
  scripts: Script[];
  /** What shellcheck says. */
  complaints: Complaint[];
}

export default defineGate<Facts>({
  id: 'runbooks/scripts-are-sound',
  severity: 'blocker',
  profile: 'commit',
  needs: ['config:runbooks', 'shellcheck'],
  // A script may source or run any of them.
  files: ['**'],
  covers: ['runbooks.scripts-sound', 'runbooks.tested'],
  unit: 'scripts',
  why: 'A script for an emergency runs once a year, in a hurry, by somebody who did not write it: it may not fail on its own account.',
  fix: 'Mend the script, and run it with --help, --dry-run and a flag that it does not have.',
  source: 'https://www.shellcheck.net/wiki/',

  async observe(context) {
    const files = await context.tree.files(...(context.config.runbooks?.scripts ?? []));
    const scripts: Script[] = [];
    for (const file of files) {
      context.progress(file);
      scripts.push(await examine(context, file));
    }
    return { examined: scripts.length, facts: { scripts, complaints: await lint(context, scripts) } };
  },

  judge: ({ scripts, complaints }) => [
    ...complaints.map(({ file, line, code, message }) => ({
      ...{ file, line, message: `SC${code}: ${message}`, identity: `SC${code} ${message}` },
      fix: `https://www.shellcheck.net/wiki/SC${code} shows the safe way to write it.`,
    })),
    ...scripts.flatMap(judgeScript),
  ],

  samples: {
    good: [
      { scripts: [sample({}), sample({ file: 'lib.sh', executable: false, shebang: '', runs: null })], complaints: [] },
    ],
    bad: [
      { scripts: [sample({})], complaints: [{ file: 'stop', line: 3, code: 2086, message: 'Double quote' }] },
      only(sample({ executable: false, runs: null })),
      only(sample({ shebang: '', runs: null })),
      only(sample({}, { help: { ...run({ code: 1 }), missing: [] } })),
      only(sample({}, { help: { ...run({}), missing: ['exit codes'] } })),
      only(sample({}, { dryRun: run({ code: 1 }) })),
      only(sample({}, { dryRun: run({ connections: 1 }) })),
      only(sample({}, { dryRun: run({ left: ['home/.history'] }) })),
      only(sample({}, { unknownFlag: run({ code: 0 }) })),
      only(sample({}, { unknownFlag: run({ code: 2, connections: 1 }) })),
    ],
  },

  async sabotage({ scratch, config }) {
    const files = await scratch.files(...(config.runbooks?.scripts ?? []));
    const scripts = await Promise.all(
      files.map(async (file) => ({ file, mode: (await lstat(join(scratch.root, file))).mode })),
    );
    const script = scripts.find(({ mode }) => isExecutable(mode));
    if (!script) throw new Error('preflight.config.ts names no runbook script that can be run');
    // It takes every flag for good, explains nothing, and leaves a word unquoted.
    await scratch.write(script.file, '#!/usr/bin/env bash\necho $1\n');
    return undefined;
  },
});

function judgeScript({ file, executable, shebang, runs }: Script): Finding[] {
  if (shebang !== '' && !executable)
    return [
      { file, message: 'is a script that cannot be run', fix: `chmod +x ${file}; git update-index --chmod=+x ${file}` },
    ];
  if (shebang === '' && executable)
    return [{ file, message: 'has no first line that says what runs it', fix: 'Begin it with #!/usr/bin/env bash' }];
  if (!runs) return [];
  return [
    ...judgeHelp(file, runs.help),
    ...judgeDryRun(file, runs.dryRun),
    ...judgeUnknownFlag(file, runs.unknownFlag),
  ];
}

function judgeHelp(file: string, { code, said, missing }: Run & { missing: string[] }): Finding[] {
  const identity = '--help';
  if (code !== 0)
    return [
      {
        file,
        identity,
        message: `--help ends with exit code ${code}: ${said}`,
        fix: 'Print the usage on stdout and exit 0.',
      },
    ];
  if (missing.length === 0) return [];
  return [
    {
      file,
      identity,
      message: `--help says nothing of: ${missing.join(', ')}`,
      fix: `Add to its help: ${missing.join(', ')}.`,
    },
  ];
}

function judgeDryRun(file: string, { code, connections, left, said }: Run): Finding[] {
  const findings: Finding[] = [];
  const find = (what: string, message: string, fix: string) =>
    findings.push({ file, identity: `--dry-run ${what}`, message, fix });
  if (code !== 0)
    find(
      'code',
      `--dry-run ends with exit code ${code}: ${said}`,
      'Say what would be done and exit 0, with no server, key or home at hand. Arguments that it cannot do without: runbooks.dryRunArguments in preflight.config.ts.',
    );
  if (connections > 0)
    find('network', `--dry-run connected ${connections} times`, 'Let the dry run end before the first request.');
  if (left.length > 0)
    find('files', `--dry-run left files behind: ${left.join(', ')}`, 'Let the dry run write nothing.');
  return findings;
}

function judgeUnknownFlag(file: string, { code, connections, said }: Run): Finding[] {
  if (code === 2 && connections === 0) return [];
  const did =
    connections > 0 ? 'is only refused after something was sent' : `ends with exit code ${code}, not 2: ${said}`;
  const fix =
    'Parse all arguments before doing anything; a mistyped flag in an emergency must not become another command.';
  return [{ file, identity: 'unknown flag', message: `a flag that it does not have ${did}`, fix }];
}

async function examine(context: Context, file: string): Promise<Script> {
  const { mode } = await lstat(join(context.tree.root, file));
  const [first = ''] = (await context.tree.read(file)).split('\n', 1);
  const script = { file, executable: isExecutable(mode), shebang: first.startsWith('#!') ? first : '' };
  if (!script.executable || script.shebang === '') return { ...script, runs: null };
  const helpRun = await tryOut(context, file, ['--help']);
  const dryRunArguments = context.config.runbooks?.dryRunArguments[file] ?? [];
  const dryRun = await tryOut(context, file, ['--dry-run', ...dryRunArguments]);
  const unknownFlag = await tryOut(context, file, ['--no-script-has-this-flag']);
  const { stdout, ...help } = helpRun;
  const runs = {
    help: { ...help, missing: helpHas.filter(([, pattern]) => !pattern.test(stdout)).map(([name]) => name) },
    dryRun: withoutOutput(dryRun),
    unknownFlag: withoutOutput(unknownFlag),
  };
  return { ...script, runs };
}

/** Somebody who has never seen the script needs these three. */
const helpHas: readonly (readonly [string, RegExp])[] = [
  ['usage', /^usage:/im],
  ['options', /^\s*options:|^\s+--\w/im],
  ['exit codes', /exit codes?/i],
];

function isExecutable(mode: number): boolean {
  return (mode & 0o100) !== 0;
}

const runTimeoutMs = 10_000;

/**
 * Runs the script where a listener of ours stands for the service, the database and Redis, in directories that are empty:
 * so a request that it sends is seen even if the script hides that it failed.
 */
async function tryOut(context: Context, file: string, args: readonly string[]): Promise<Run & { stdout: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'preflight-runbook-'));
  const listener = await listen();
  try {
    for (const name of places) await mkdir(join(directory, name));
    const { port } = listener;
    const env = {
      PATH: context.tools.environment.PATH,
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      HOME: join(directory, 'home'),
      TMPDIR: join(directory, 'tmp'),
      SERVICE_URL: `http://127.0.0.1:${port}`,
      DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`,
      REDIS_URL: `redis://127.0.0.1:${port}`,
    };
    const options = { cwd: join(directory, 'work'), env, timeoutMs: runTimeoutMs };
    const result = await context.exec(join(context.tree.root, file), args, options);
    const left = (await readdir(directory, { recursive: true })).filter((path) => !places.includes(path)).sort();
    return {
      code: result.code,
      connections: listener.connections(),
      left,
      said: sayingOf(result),
      stdout: result.stdout,
    };
  } finally {
    await listener.close();
    await rm(directory, { recursive: true, force: true });
  }
}

const places = ['home', 'tmp', 'work'];

function sayingOf(result: ExecResult): string {
  return result.timedOut ? `it was not done after ${runTimeoutMs / 1000} s` : lastLines(result, 3);
}

function withoutOutput({ code, connections, left, said }: Run): Run {
  return { code, connections, left, said };
}

/** Hangs up on whoever calls, and counts the calls. */
async function listen(): Promise<{ port: number; connections(): number; close(): Promise<void> }> {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.on('error', () => undefined);
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the loopback gave no port');
  const close = async () => {
    server.close();
    await once(server, 'close');
  };
  return { port: address.port, connections: () => count, close };
}

const lintReport = z.object({
  comments: z.array(z.object({ file: z.string(), line: z.int(), code: z.int(), message: z.string() })),
});
const shells = /\b(ba|da|k)?sh\b/;

/** One process for all that a shell runs. Exit code 1 says that it found something; any other one but 0, that it could not look. */
async function lint({ exec, tools }: Context, scripts: readonly Script[]): Promise<Complaint[]> {
  const files = scripts.filter(({ shebang }) => shebang === '' || shells.test(shebang)).map(({ file }) => file);
  if (files.length === 0) return [];
  const args = ['--format=json1', '--external-sources', '--source-path=SCRIPTDIR', '--', ...files];
  const result = await exec(tools.path('shellcheck'), args);
  if (result.timedOut || result.code > 1)
    throw new Error(`shellcheck ended with exit code ${result.code}: ${lastLines(result)}`);
  const { comments } = lintReport.parse(JSON.parse(result.stdout));
  return comments.map(({ file, line, code, message }) => ({ file, line: Math.max(line, 1), code, message }));
}

function run(change: Partial<Run>): Run {
  return { code: 0, connections: 0, left: [], said: 'fine', ...change };
}

function sample(change: Partial<Script>, runs: Partial<NonNullable<Script['runs']>> = {}): Script {
  const sound = { help: { ...run({}), missing: [] }, dryRun: run({}), unknownFlag: run({ code: 2 }), ...runs };
  return { file: 'stop', executable: true, shebang: '#!/usr/bin/env bash', runs: sound, ...change };
}

function only(script: Script): Facts {
  return { scripts: [script], complaints: [] };
}
