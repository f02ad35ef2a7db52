import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exec } from '../src/io/exec.ts';
import { installTarball, packTarball } from './support/installed.ts';
import { createSmallRepository, plainGitEnvironment, type SmallRepository } from './support/small-repository.ts';

let repository: SmallRepository;

beforeAll(async () => {
  repository = await createSmallRepository({ '.gitignore': 'node_modules\npacked\n', 'main.js': '' });
  mkdirSync(join(repository.root, 'packed'));
  await installTarball(repository.root, await packTarball(join(repository.root, 'packed')));
});
afterAll(() => repository.close());

function preflight(...words: string[]) {
  const program = join(repository.root, 'node_modules', '.bin', 'preflight');
  return exec(program, words, { cwd: repository.root, env: plainGitEnvironment });
}

test('the tarball holds JavaScript and types, and no TypeScript that Node would have to strip', async () => {
  const { stdout } = await exec('tar', ['-tzf', join(repository.root, 'packed', 'preflight-0.1.0.tgz')]);
  const files = stdout.trim().split('\n');
  expect(files).toEqual(expect.arrayContaining(['package/dist/cli.js', 'package/dist/index.d.ts', 'package/LICENSE']));
  expect(files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
  expect(files.filter((path) => path.includes('.test.'))).toEqual([]);
});

test('what is installed knows every gate, and reads its own documents', async () => {
  const [installed, checklist] = [await preflight('list'), await preflight('checklist', '--json')];
  const own = await exec('preflight', ['list']);
  expect(installed.stdout).toBe(own.stdout);
  expect((JSON.parse(checklist.stdout) as { items: unknown[] }).items).toHaveLength(692);
});

test('its gates are compiled, so that a new one is refused', async () => {
  const { code, stderr } = await preflight('new', 'gate', 'orders/are-whole');
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('is an installed package') });
});

test('a package without its JavaScript says so', async () => {
  const bare = join(repository.root, 'node_modules', 'bare');
  const entry = join(repository.root, 'node_modules', 'preflight', 'entry');
  mkdirSync(bare);
  for (const name of ['from.js', 'preflight.js'])
    repository.write(`node_modules/bare/entry/${name}`, readFileSync(join(entry, name), 'utf8'));
  symlinkSync(join(entry, '..', 'package.json'), join(bare, 'package.json'));
  const { code, stderr } = await exec(process.execPath, [join(bare, 'entry', 'preflight.js')]);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('`make pack`') });
});
