import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const script = fileURLToPath(new URL('packages-complete.js', import.meta.url));

interface Entry {
  version?: string;
  integrity?: string;
  optional?: boolean;
  link?: boolean;
}

const wanted: Record<string, Entry> = {
  '': {},
  'node_modules/express': { version: '5.3.0', integrity: 'sha512-a' },
  'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-b', optional: true },
};
const present = { 'node_modules/express': { version: '5.3.0', integrity: 'sha512-a' } };

test('complete: every package is there in its version, and an optional one of another platform may be absent', () => {
  expect(compare(wanted, present, { 'node_modules/express': '5.3.0' })).toEqual({ code: 0, said: '' });
});

test.each([
  ['no hidden lockfile', undefined, '5.3.0', 'node_modules is not there, or was left half-installed'],
  ['a package that was never installed', {}, '5.3.0', 'node_modules/express is not installed'],
  [
    'another version',
    { 'node_modules/express': { version: '5.2.0', integrity: 'sha512-a' } },
    '5.2.0',
    'node_modules/express is 5.2.0, the lockfile asks for 5.3.0',
  ],
  [
    'the same version with other contents',
    { 'node_modules/express': { version: '5.3.0', integrity: 'sha512-z' } },
    '5.3.0',
    'node_modules/express has other contents than the lockfile asks for',
  ],
  ['a package deleted since', present, undefined, 'node_modules/express has been deleted or damaged'],
  ['a package replaced since', present, '4.0.0', 'node_modules/express is 4.0.0, the lockfile asks for 5.3.0'],
])('incomplete: %s', (_name, hidden, installedVersion, said) => {
  const files = installedVersion === undefined ? {} : { 'node_modules/express': installedVersion };
  expect(compare(wanted, hidden, files)).toEqual({ code: 1, said: `    ${said}\n` });
});

test('only the first differences are shown, with the number of the others', () => {
  const many = Object.fromEntries(
    Array.from({ length: 5 }, (_, index) => [`node_modules/p${index}`, { version: '1.0.0' }]),
  );
  expect(compare(many, {}, {}).said.trim().split('\n')).toEqual([
    'node_modules/p0 is not installed',
    '    node_modules/p1 is not installed',
    '    node_modules/p2 is not installed',
    '    … and 2 more',
  ]);
});

function compare(
  lock: Record<string, Entry>,
  hidden: Record<string, Entry> | undefined,
  installed: Record<string, string>,
) {
  const root = mkdtempSync(join(tmpdir(), 'packages-complete-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const write = (path: string, content: object) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), JSON.stringify(content));
  };
  write('package-lock.json', { packages: lock });
  if (hidden) write('node_modules/.package-lock.json', { packages: hidden });
  for (const [path, version] of Object.entries(installed)) write(`${path}/package.json`, { version });
  const { status, stderr } = spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
  return { code: status, said: stderr };
}
