import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { profiles } from '../src/engine/gate.ts';
import { type Report, reportSchema } from '../src/engine/report.ts';
import { severities } from '../src/engine/severity.ts';
import { writeEvidence } from '../src/evidence/write.ts';
import { configHashOf } from '../src/io/config-files.ts';
import { exec, execOrThrow } from '../src/io/exec.ts';
import { findTools, type ToolName } from '../src/io/tools.ts';
import { type CliCase, type Outputs, parseCase, printCase, wordsOf } from './support/cli-case.ts';
import { goReport } from './support/go-report.ts';
import { repositoryRoot } from './support/look.ts';
import { createSmallRepository, plainGitEnvironment, type SmallRepository } from './support/small-repository.ts';

const cases = join(import.meta.dirname, 'cli');
const cli = join(repositoryRoot, 'checks', 'src', 'cli.ts');
const machine = findTools(repositoryRoot);
const keygens = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'ssh-keygen'));
const sshKeygen = keygens.find((file) => existsSync(file));

/** The smallest service that preflight can be asked about. */
const fixture: Record<string, string> = {
  '.gitignore': 'node_modules\nbin\n',
  'main.ts': 'process.exitCode = 0;\n',
  'preflight.config.ts': `import { defineConfig } from 'preflight';

export default defineConfig({
  service: {
    start: ['node', 'main.ts'],
    checkConfig: ['node', 'main.ts', '--check-config'],
    environment: {},
    variables: {},
    liveness: '/health',
    readiness: '/ready',
    publicRoutes: [],
  },
  database: {
    migrate: ['true'],
    applyNext: ['true'],
    revertLast: ['true'],
    migrations: 'migrations/*.sql',
    seed: ['true'],
    credentials: () => ({ writers: [], operator: '' }),
    requiredIndexes: [],
    invariants: [],
  },
  code: { typeCheck: ['true'], production: ['*.ts'] },
});
`,
};

let repository: SmallRepository | undefined;
afterEach(() => repository?.close());

/** Only these programs are on the PATH, so that the machine's others take no part. */
function linkPrograms(root: string, without: readonly string[]): string {
  const directory = join(root, 'bin');
  mkdirSync(directory);
  for (const name of ['git', 'gitleaks', 'ssh-keygen'].filter((each) => !without.includes(each))) {
    const path = name === 'ssh-keygen' ? sshKeygen : machine.find(name as ToolName);
    if (path) symlinkSync(path, join(directory, name));
  }
  symlinkSync(process.execPath, join(directory, 'node'));
  return directory;
}

/** The fixture in a repository of its own, committed, with the case's own files. */
async function prepare(
  { files, without }: Pick<CliCase, 'files' | 'without'>,
  token: string,
): Promise<SmallRepository> {
  const own = Object.fromEntries(files.map(({ path, text }) => [path, fillIn(text, token)]));
  const all = Object.entries({ ...fixture, ...own }).filter(([path]) => !without.includes(path));
  repository = await createSmallRepository(Object.fromEntries(all));
  symlinkSync(join(repositoryRoot, 'node_modules'), join(repository.root, 'node_modules'));
  await repository.commitAll('begin');
  return repository;
}

async function preflight(root: string, path: string, words: readonly string[], environment = {}): Promise<Outputs> {
  const env = { ...plainGitEnvironment, PATH: path, ...environment };
  const { code, stdout, stderr } = await exec(process.execPath, [cli, ...words], { cwd: root, env });
  return { code, stdout, stderr };
}

const dayMs = 86_400_000;

function dateIn(days: number): string {
  return new Date(Date.now() + days * dayMs).toISOString().slice(0, 10);
}

function fillIn(text: string, token: string): string {
  return text.replaceAll('{token}', token).replace(/\{today([+-]\d+)\}/g, (_, days: string) => dateIn(Number(days)));
}

/** A GO of profile commit that has just ended, about what the fixture is. */
async function writeCaseEvidence(root: string, commit: string, { evidence }: CliCase): Promise<void> {
  for (const { directory, change } of evidence) {
    const configHash = await configHashOf(root, 'preflight.config.ts');
    const report = goReport({ commit, configHash, ...(JSON.parse(change) as Partial<Report>) });
    await writeEvidence({ report, directory: join(root, directory), configFile: 'preflight.config.ts' });
  }
}

async function runBefore(root: string, { before }: CliCase): Promise<void> {
  if (before !== '') await execOrThrow('sh', ['-e', '-c', before], { cwd: root });
}

/** What differs between two runs, by its name. */
function withPlaceholders(text: string, root: string): string {
  return text
    .replaceAll(root, '{root}')
    .replaceAll(repositoryRoot, '{preflight}')
    .replaceAll(/; slowest: .*/g, '; slowest: {slowest}')
    .replaceAll(/ *\d+\.\d s/g, ' {time}')
    .replaceAll(/\b(?:[0-9a-f]{40}|[0-9a-f]{12})\b/g, '{commit}')
    .replaceAll(/\b[\d.]+ (?:min|h) (old|before|ago)\b/g, '{age} $1')
    .replaceAll(/\(default: \d+,/g, '(default: {number},')
    .replaceAll(/: \d+, not looked at/g, ': {number}, not looked at')
    .replaceAll(
      /^checklist: \d+ of (\d+) boxes (.*)$/gm,
      'checklist: {number} of $1 boxes answered by this run; {rest}',
    )
    .replaceAll(/^((?:[a-z-]+|S\d) +\d+) {2}.*%.*$/gm, '$1 {figures}')
    .replaceAll(/^✗ checklist {2}\d+ items .*\n(?: {2}.*\n)*/gm, '✗ checklist  {planned}\n')
    .replaceAll(/^(✗ governance {2}missing: \w+ has not signed off) .* \(.*\)$/gm, '$1 {items}')
    .replaceAll(/(profile \w+|command line|"by[A-Z]\w+"): \d+/g, '$1: {number}')
    .replaceAll(/"(node|gitleaks|semanticVersion)": "[\d.]+"/g, '"$1": "{version}"')
    .replaceAll(/\b(?:[0-9a-f]{64}|[0-9a-f]{16})\b/g, '{hash}')
    .replaceAll(/^Checklist: \d+ of (\d+) boxes .*$/gm, 'Checklist: {number} of $1 boxes {rest}')
    .replaceAll(/"tags": \[[^\]]*\]/g, '"tags": [{tags}]')
    .replaceAll(/ time="[\d.]+"/g, ' time="{seconds}"')
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z?/g, '{moment}')
    .replaceAll(/\b\d{4}-\d{2}-\d{2}\b/g, (date) => {
      const days = Math.round((Date.parse(date) - Date.parse(dateIn(0))) / dayMs);
      return Math.abs(days) > 100 ? date : `{today${days < 0 ? '' : '+'}${days}}`;
    });
}

/** The machine may be one on which gitleaks could not be installed; `make setup` says so there. */
function canRun({ command, without }: CliCase): boolean {
  const runsGitleaks = command.startsWith('preflight run') && command.includes('secrets/');
  return !runsGitleaks || without.includes('gitleaks') || machine.find('gitleaks') !== undefined;
}

const names = readdirSync(cases).filter((name) => name.endsWith('.txt'));

// To write what a changed program really says: UPDATE_CLI_CASES=1 npx vitest run checks/test/cli.test.ts, then read the diff.
test.for(names)('%s', async (name, context) => {
  const file = join(cases, name);
  const text = readFileSync(file, 'utf8');
  const wanted = parseCase(text);
  context.skip(!canRun(wanted), 'gitleaks is not on this machine');
  const token = `ghp_${randomBytes(18).toString('hex')}`;
  const { root, git } = await prepare(wanted, token);
  await writeCaseEvidence(root, await git('rev-parse', 'HEAD'), wanted);
  await runBefore(root, wanted);
  const [program, ...words] = wordsOf(wanted.command);
  expect(program).toBe('preflight');
  const outputs = await preflight(root, linkPrograms(root, wanted.without), words, wanted.environment);
  const { code } = outputs;
  const stdout = withPlaceholders(outputs.stdout, root);
  const stderr = withPlaceholders(outputs.stderr, root);
  expect(outputs.stdout + outputs.stderr).not.toContain(token);
  if (process.env.UPDATE_CLI_CASES) writeFileSync(file, printCase(text, { code, stdout, stderr }));
  else expect({ code, stdout, stderr }).toEqual(wanted.expected);
});

test('there are cases for every exit code that a run can have', () => {
  const codes = new Set(names.map((name) => parseCase(readFileSync(join(cases, name), 'utf8')).expected.code));
  expect([...codes].sort()).toEqual([0, 1, 2, 3, 4]);
});

describe.runIf(machine.find('gitleaks'))('what is read by other programs', () => {
  const plain: Pick<CliCase, 'files' | 'without'> = { files: [], without: [] };

  test('list --json is an array of what each gate and drill is', async () => {
    const { root } = await prepare(plain, '');
    const { code, stdout, stderr } = await preflight(root, linkPrograms(root, []), ['list', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const entry = z.strictObject({
      id: z.string(),
      kind: z.enum(['gate', 'drill']),
      severity: z.enum(severities),
      needs: z.array(z.string()),
      covers: z.array(z.string()).min(1),
      profiles: z.array(z.enum(profiles)).min(1),
    });
    const entries = z.array(entry).parse(JSON.parse(stdout));
    expect(entries.map(({ id }) => id)).toContain('secrets/no-secret-in-history');
    // Profiles nest, so whatever is in one is in the widest.
    for (const { profiles: of } of entries) expect(of.at(-1)).toBe('release');
  });

  test('the report goes to stdout or to a file in the shape that is promised, beside the console', async () => {
    const { root } = await prepare(plain, '');
    const path = linkPrograms(root, []);
    const [globs, reporters] = [['secrets/*'], ['--reporter', 'console', '--reporter', 'json=report.json']];
    const both = await preflight(root, path, ['run', ...globs, ...reporters]);
    expect(both.stdout).toMatch(/^GO {2}profile commit, for what was selected only/m);
    const written = reportSchema.parse(JSON.parse(readFileSync(join(root, 'report.json'), 'utf8')));
    expect(written).toMatchObject({ verdict: 'GO', exitCode: 0, profile: 'commit' });
    expect(written.results.map(({ id }) => id)).toEqual(['secrets/no-secret-in-tree', 'secrets/no-secret-in-history']);
    const alone = await preflight(root, path, ['run', ...globs, '--reporter', 'json']);
    expect(reportSchema.parse(JSON.parse(alone.stdout)).exitCode).toBe(alone.code);
  });

  test('a profile from the environment is outweighed by the flag', async () => {
    const { root } = await prepare(plain, '');
    const path = linkPrograms(root, []);
    const profileOf = async (...flags: string[]) => {
      const words = ['run', 'secrets/no-secret-in-tree', '--reporter', 'json', ...flags];
      return reportSchema.parse(
        JSON.parse((await preflight(root, path, words, { PREFLIGHT_PROFILE: 'static' })).stdout),
      ).profile;
    };
    expect(await profileOf()).toBe('static');
    expect(await profileOf('--profile', 'release')).toBe('release');
  });

  test('a gate of files or commits that has passed is looked at again when one of them has changed, and not before', async () => {
    const { root } = await prepare(plain, '');
    const path = linkPrograms(root, []);
    const cachedIn = async (...flags: string[]) => {
      const words = ['run', 'secrets/*', '--reporter', 'json', ...flags];
      const { results } = reportSchema.parse(JSON.parse((await preflight(root, path, words)).stdout));
      return results.map(({ outcome, cached }) => [outcome, cached?.key]);
    };
    expect(await cachedIn()).toEqual([
      ['pass', undefined],
      ['pass', undefined],
    ]);
    const second = await cachedIn();
    expect(second).toEqual([
      ['pass', expect.stringMatching(/^[0-9a-f]{24}$/)],
      ['pass', expect.stringMatching(/^[0-9a-f]{24}$/)],
    ]);
    expect(await cachedIn('--no-cache')).toEqual([
      ['pass', undefined],
      ['pass', undefined],
    ]);
    expect(await cachedIn('--profile', 'release')).toEqual([
      ['pass', undefined],
      ['pass', undefined],
    ]);
    writeFileSync(join(root, 'main.ts'), `const token = '${'ghp_'}${randomBytes(18).toString('hex')}';\n`);
    expect(await cachedIn()).toEqual([
      ['fail', undefined],
      ['pass', undefined],
    ]);
    expect((await cachedIn())[0]).toEqual(['fail', undefined]);
    writeFileSync(join(root, 'main.ts'), fixture['main.ts'] ?? '');
    expect(await cachedIn()).toEqual(second);
  });

  test('colour is for terminals', async () => {
    const { root } = await prepare(plain, '');
    const { stdout, stderr } = await preflight(root, linkPrograms(root, []), ['run', 'secrets/*'], {
      TERM: 'xterm-256color',
    });
    expect(stdout + stderr).not.toContain('\x1b');
  });
});
