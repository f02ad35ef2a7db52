import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MIGRATIONS_DIR, migrate } from '../src/migrate.ts';
import { runCommand } from './support/command.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { findPostgresBinaries } from './support/postgres.ts';

const NAMES = readdirSync(MIGRATIONS_DIR)
  .map((file) => file.replace(/\.sql$/, ''))
  .sort();
let database: TestDatabase;
const warnings: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase('empty');
});
afterAll(() => database.drop());

function step(direction: 'up' | 'down', extent: { count?: number; to?: number } = { count: 1 }): Promise<string[]> {
  const warn = (message: string): void => void warnings.push(message);
  return migrate({ databaseUrl: database.url, migrationsDir: MIGRATIONS_DIR, direction, ...extent, warn });
}

/** The schema and the rows that migrations put into it, without the tool's own table and pg_dump's random words. */
function dump(): string {
  const pgDump = join(findPostgresBinaries(), 'pg_dump');
  const text = execFileSync(pgDump, ['--inserts', '--exclude-table=public.pgmigrations*', `--dbname=${database.url}`], {
    encoding: 'utf8',
  });
  return text.replaceAll(/^\\(un)?restrict .*$/gm, '').replaceAll(/'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00'/g, 'now');
}

test('up, down, up: each step is undone exactly, and done again the same', async () => {
  const before: string[] = [];
  for (const name of NAMES) {
    before.push(dump());
    expect(await step('up')).toEqual([name]);
    expect(dump(), name).not.toBe(before.at(-1));
  }
  const complete = dump();
  for (const name of NAMES.toReversed()) {
    expect(await step('down')).toEqual([name]);
    expect(dump(), `after ${name} was undone`).toBe(before.pop());
  }
  expect(await step('up', {})).toEqual(NAMES);
  expect(dump()).toBe(complete);
  expect(await step('up', {})).toEqual([]);
  expect(warnings).toEqual([]);
});

test('--to names the last migration, in both directions', async () => {
  expect(await step('down', { to: 3 })).toEqual(NAMES.slice(3).toReversed());
  expect(await step('up', { to: 5 })).toEqual(NAMES.slice(3, 5));
  expect(await step('down', { to: 0 })).toEqual(NAMES.slice(0, 5).toReversed());
  expect(await step('up', {})).toEqual(NAMES);
});

test('two runners at once: one applies, the other waits and finds nothing to do', async () => {
  await step('down', { to: 0 });
  const runs = await Promise.all([step('up', {}), step('up', {})]);
  expect(runs.map(({ length }) => length).sort()).toEqual([0, NAMES.length]);
});

test('a migration that fails leaves nothing behind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'service-test-migrations-'));
  const broken = await createTestDatabase('empty');
  writeFileSync(
    join(directory, '0001_good.sql'),
    '-- Up Migration\nCREATE TABLE good ();\n-- Down Migration\nDROP TABLE good;\n',
  );
  writeFileSync(join(directory, '0002_bad.sql'), '-- Up Migration\nSELECT 1 / 0;\n-- Down Migration\nSELECT 1;\n');
  const env = { DATABASE_URL: broken.url, MIGRATIONS_DIR: directory };
  const failed = await runCommand('migrate.ts', ['up'], env);
  expect(failed).toMatchObject({ code: 1, stdout: '' });
  expect(failed.stderr).toContain('division by zero');
  expect(await broken.query(`SELECT to_regclass('good') AS good`)).toEqual([{ good: null }]);
  const first = await runCommand('migrate.ts', ['up', '--count', '1'], env);
  expect(first).toEqual({ code: 0, stdout: 'up 0001_good\n', stderr: '' });
  expect(await runCommand('migrate.ts', ['down'], env)).toEqual({ code: 0, stdout: 'down 0001_good\n', stderr: '' });
  await broken.drop();
  rmSync(directory, { recursive: true });
});

test('the command says what ran, and what is wrong', async () => {
  const env = { DATABASE_URL: database.url };
  expect(await runCommand('migrate.ts', [], env)).toEqual({ code: 0, stdout: 'nothing to do\n', stderr: '' });
  for (const args of [
    ['sideways'],
    ['up', '--count', '0'],
    ['up', '--to', 'x'],
    ['up', '--count', '1', '--to', '1'],
    ['--no'],
  ]) {
    const { code, stderr } = await runCommand('migrate.ts', args, env);
    expect(code, args.join(' ')).toBe(2);
    expect(stderr).toContain('Usage:');
  }
  expect(await runCommand('migrate.ts', ['up'], {})).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('DATABASE_URL'),
  });
  const nowhere = await runCommand('migrate.ts', ['up'], { DATABASE_URL: 'postgres://x:s3cret@127.0.0.1:1/x' });
  expect(nowhere.code).toBe(1);
  expect(nowhere.stderr).toContain('ECONNREFUSED');
  expect(nowhere.stderr).not.toContain('s3cret');
});
