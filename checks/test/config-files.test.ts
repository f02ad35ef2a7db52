import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configFilesOf, configHashOf } from '../src/io/config-files.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

const file = 'preflight.config.ts';

let repository: SmallRepository;
beforeEach(async () => {
  repository = await createSmallRepository({
    [file]:
      "import { defineConfig } from 'preflight';\nimport { load } from './gates/load.ts';\nexport * from './gates/all.ts';\n" +
      "export default defineConfig({ load, books: await import('./gates/books.ts') });\n",
    'gates/load.ts': "import type { Size } from '../sizes/size.ts';\nexport const load: Size = 3;\n",
    'gates/all.ts': "import names from './names.json' with { type: 'json' };\nexport { names };\n",
    'gates/books.ts': "import './load.ts';\nexport default 1;\n",
    'gates/names.json': '["a"]',
    'gates/other.ts': 'export {};\n',
    'sizes/size.ts': 'export type Size = number;\n',
  });
});
afterEach(() => repository.close());

test('what the configuration imports is of the configuration, however far', async () => {
  expect(await configFilesOf(repository.root, file)).toEqual([
    'gates/all.ts',
    'gates/books.ts',
    'gates/load.ts',
    'gates/names.json',
    file,
    'sizes/size.ts',
  ]);
});

test.each(['gates/load.ts', 'gates/names.json', 'gates/books.ts', 'sizes/size.ts', file])(
  'another hash when %s has changed',
  async (path) => {
    const before = await configHashOf(repository.root, file);
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    appendFileSync(join(repository.root, path), '\n');
    expect(await configHashOf(repository.root, file)).not.toBe(before);
  },
);

test('the same hash when something else has changed; that of the file, as any tool takes it, when it stands alone', async () => {
  const before = await configHashOf(repository.root, file);
  repository.write('gates/other.ts', 'export const more = 1;\n');
  expect(await configHashOf(repository.root, file)).toBe(before);
  repository.write(file, 'export default {};\n');
  const alone = createHash('sha256').update('export default {};\n').digest('hex');
  expect(await configHashOf(repository.root, file)).toBe(alone);
});

test('a file that is not there, or is no code, is told by its name', async () => {
  repository.write('gates/load.ts', 'export const = ;\n');
  await expect(configFilesOf(repository.root, file)).rejects.toThrow('gates/load.ts cannot be parsed');
  repository.remove('gates/load.ts');
  await expect(configFilesOf(repository.root, file)).rejects.toThrow('gates/load.ts');
});
