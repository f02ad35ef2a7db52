import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeBackWhatIsLeft, writeDown } from '../src/io/drill-journal.ts';
import { exec } from '../src/io/exec.ts';
import { repositoryRoot } from './support/look.ts';
import { createSmallRepository, plainGitEnvironment, type SmallRepository } from './support/small-repository.ts';
import { until } from './support/until.ts';

const cli = join(repositoryRoot, 'checks', 'src', 'cli.ts');
const env = { ...plainGitEnvironment, PATH: process.env.PATH ?? '' };

let repository: SmallRepository;
let server: Server;
let running: ChildProcess | undefined;

/** An installation that is not ready while the file `broken` is there: its fault outlives whoever has struck it. */
beforeEach(async () => {
  server = createServer((_, response) => response.writeHead(existsSync(broken()) ? 503 : 200).end('{}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  repository = await createSmallRepository({
    '.gitignore': 'node_modules\n.preflight\nbroken\n',
    'preflight.config.ts': configText(`http://127.0.0.1:${port}`),
  });
  symlinkSync(join(repositoryRoot, 'node_modules'), join(repository.root, 'node_modules'));
  await repository.commitAll('begin');
});

afterEach(async () => {
  running?.kill('SIGKILL');
  server.closeAllConnections();
  server.close();
  repository.close();
});

function configText(url: string): string {
  const fault = `{ name: 'its file is there', strike: ['touch', 'broken'], undo: ['rm', '-f', 'broken'], seenAs: 'not-ready' }`;
  return `import { defineConfig } from 'preflight';

export default defineConfig({
  service: {
    start: ['true'], checkConfig: ['true'], environment: {}, variables: {},
    liveness: '/health', readiness: '/ready', publicRoutes: [],
  },
  database: {
    migrate: ['true'], applyNext: ['true'], revertLast: ['true'], migrations: 'migrations/*.sql', seed: ['true'],
    credentials: () => ({ writers: [], operator: '' }), requiredIndexes: [], invariants: [],
  },
  code: { typeCheck: ['true'], production: ['*.ts'] },
  targets: {
    staging: { url: '${url}', safeToBreak: true, faults: [${fault}] },
    guarded: { url: '${url}', faults: [${fault}] },
  },
});
`;
}

const broken = () => join(repository.root, 'broken');
const drill = ['run', 'drills/target-recovers', '--profile', 'release', '--fail-on', 'warning'];

function preflight(...words: string[]) {
  return exec(process.execPath, [cli, ...words], { cwd: repository.root, env });
}

test('a fault on a target that is not ours is struck, seen and taken back', async () => {
  const { stdout } = await preflight(...drill, '--target', 'staging', '--break', 'staging', '--reporter', 'json');
  const [result] = (JSON.parse(stdout) as { results: { outcome: string; facts: unknown }[] }).results;
  expect(result?.outcome, stdout).toBe('pass');
  expect(result?.facts).toMatchObject({ faults: [{ name: 'its file is there', recoveredMs: expect.any(Number) }] });
  expect(existsSync(broken())).toBe(false);
  expect(readdirSync(join(repository.root, '.preflight', 'drills'))).toEqual([]);
});

test('a drill that is killed while its fault stands is undone by the next run, whatever that looks at', async () => {
  const words = [...drill, '--target', 'staging', '--break', 'staging'];
  running = spawn(process.execPath, [cli, ...words], { cwd: repository.root, env, stdio: 'ignore' });
  await until('the fault stands', () => existsSync(broken()), 30_000);
  running.kill('SIGKILL');
  await once(running, 'exit');
  expect(existsSync(broken())).toBe(true);

  const next = await preflight('run', 'secrets/no-secret-in-tree', '--profile', 'static');

  expect(next.stderr).toContain(
    'drills/target-recovers was killed before it had taken its fault back on staging: taken back now',
  );
  expect(existsSync(broken())).toBe(false);
  expect(readdirSync(join(repository.root, '.preflight', 'drills'))).toEqual([]);
});

test.each([
  ['guarded', ['--break', 'guarded'], 'the target guarded is not marked as safe to break'],
  ['staging', [], 'staging is broken only when its name is typed: --break staging'],
  ['staging', ['--break', 'guarded'], 'staging is broken only when its name is typed: --break staging'],
])('%s with %j is left alone', async (target, typed, reason) => {
  const { stdout } = await preflight(...drill, '--target', target, ...typed);
  expect(stdout).toContain(reason);
  expect(existsSync(broken())).toBe(false);
});

test('a fault that cannot be taken back lets nothing be judged, and says where its commands are', async () => {
  // Another process writes it down and dies: an entry whose owner lives belongs to a run that goes on.
  const journal = join(repositoryRoot, 'checks', 'src', 'io', 'drill-journal.ts');
  const entry = { drill: 'drills/some', target: 'staging', undo: [['false']] };
  const code = `(await import(${JSON.stringify(journal)})).writeDown('.', ${JSON.stringify(entry)})`;
  await exec(process.execPath, ['--input-type=module', '--eval', code], { cwd: repository.root, env });

  const { code: exitCode, stderr } = await preflight('run', 'secrets/no-secret-in-tree', '--profile', 'static');

  expect(exitCode).toBe(3);
  expect(stderr).toContain('drills/some was killed and has left its fault on staging, and its undo fails');
  expect(readdirSync(join(repository.root, '.preflight', 'drills'))).toHaveLength(1);
});

test('an entry of a run that goes on is nobody else’s to take back', async () => {
  const forget = writeDown(repository.root, { drill: 'drills/some', target: 'staging', undo: [['false']] });
  const told: string[] = [];
  await takeBackWhatIsLeft(repository.root, (message) => told.push(message));
  expect(told).toEqual([]);
  forget();
  expect(readdirSync(join(repository.root, '.preflight', 'drills'))).toEqual([]);
});
