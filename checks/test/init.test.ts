import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { init } from '../src/commands/init.ts';
import type { Streams } from '../src/commands/terminal.ts';
import { exec } from '../src/io/exec.ts';
import { repositoryRoot } from './support/look.ts';
import { createSmallRepository, plainGitEnvironment, type SmallRepository } from './support/small-repository.ts';

const cli = join(repositoryRoot, 'checks', 'src', 'cli.ts');
const file = 'preflight.config.ts';

let repository: SmallRepository;
afterEach(() => repository.close());

async function prepare(files: Record<string, string>) {
  repository = await createSmallRepository({ '.gitignore': 'node_modules\n', ...files });
  symlinkSync(join(repositoryRoot, 'node_modules'), join(repository.root, 'node_modules'));
}

function preflight(...words: string[]) {
  return exec(process.execPath, [cli, ...words], { cwd: repository.root, env: plainGitEnvironment });
}

const written = () => readFileSync(join(repository.root, file), 'utf8');

test('it writes down what the repository shows', async () => {
  await prepare({
    'package.json': JSON.stringify({
      scripts: { start: 'node src/main.js', 'db:migrate': 'node-pg-migrate up && echo done', seed: 'node seed.js' },
      dependencies: { 'node-pg-migrate': '8.0.0' },
    }),
    'pnpm-lock.yaml': '',
    'tsconfig.json': '{}',
    'db/migrations/001.sql': '',
    'src/main.js':
      "connect(process.env.DB_URL); listen(process.env.PORT);\napp.get('/healthz', live); app.get('/readyz', ready);\napp.get('/openapi.json', doc);\n",
    '.github/workflows/ci.yml': '',
  });
  expect(await preflight('init')).toMatchObject({ code: 0, stdout: expect.stringContaining('2 blanks are left') });
  for (const line of [
    "start: ['node', 'src/main.js'],",
    "DB_URL: '{databaseUrl}',",
    "PORT: '{port}',",
    "liveness: '/healthz',",
    "readiness: '/readyz',",
    "openApi: '/openapi.json',",
    "publicRoutes: ['GET /healthz', 'GET /readyz', 'GET /openapi.json'],",
    "migrations: 'db/migrations/*.sql',",
    "bookkeeping: 'public.pgmigrations',",
    "migrate: ['pnpm', 'run', 'db:migrate'],",
    "revertLast: ['node-pg-migrate', 'down', '1'],",
    "seed: ['node', 'seed.js'],",
    "production: ['src/**/*.js'],",
    "workflows: ['.github/workflows/*.yml'],",
  ])
    expect(written()).toContain(line);
});

test('what it does not show is a blank that a run names, with its place and its question', async () => {
  await prepare({ 'main.js': '' });
  await preflight('init');
  const { code, stderr } = await preflight('run');
  expect(code).toBe(2);
  expect(stderr).toContain('blank(s):');
  expect(stderr).toContain('service.start: which command starts it in the foreground?');
  expect(stderr).toContain('database.credentials: (seedOutput) =>');
});

test('a configuration that is there is kept, unless --force is given; and it comes out the same twice', async () => {
  await prepare({ 'main.js': '', [file]: 'mine' });
  expect(await preflight('init')).toMatchObject({ code: 2, stderr: expect.stringContaining('is there already') });
  expect(written()).toBe('mine');
  expect((await preflight('init', '--force')).code).toBe(0);
  const first = written();
  await preflight('init', '--force');
  expect(written()).toBe(first);
});

test('on a terminal what is missing is asked for, and what is not answered stays a blank', async () => {
  await prepare({ 'main.js': '' });
  const typed = ['STORE_URL', '', 'node main.js', 'npm run check && true', '/up', '', 'db/*.sql', 'public.done'];
  const input = Object.assign(new PassThrough(), { isTTY: true });
  input.end(`${typed.join('\n')}\n`);
  const told = { stdout: '', stderr: '' };
  const heard = (name: keyof typeof told) =>
    new PassThrough().on('data', (chunk) => {
      told[name] += String(chunk);
    });
  const streams = { stdout: heard('stdout'), stderr: heard('stderr') } as unknown as Streams;
  const before = process.cwd();
  process.chdir(repository.root);
  try {
    expect(await init({ config: file }, streams, input as unknown as NodeJS.ReadStream)).toBe(0);
  } finally {
    process.chdir(before);
  }
  for (const line of [
    "STORE_URL: '{databaseUrl}',",
    "PORT: blank('which variable holds its port? Give it {port}'),",
    "start: ['node', 'main.js'],",
    "checkConfig: ['sh', '-c', 'npm run check && true'],",
    "liveness: '/up',",
    "readiness: blank('which path answers 200 while it can serve, and 503 without its database?'),",
    "migrations: 'db/*.sql',",
    "bookkeeping: 'public.done',",
    "migrate: blank('which command applies all migrations to DATABASE_URL?'),",
  ])
    expect(written()).toContain(line);
  expect(told.stderr).toContain('service.start: which command starts it in the foreground?\n> ');
  expect(told.stdout).toContain('blanks are left:');
});
