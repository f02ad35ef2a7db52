import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { exec } from '../src/io/exec.ts';
import { openTree } from '../src/io/tree.ts';
import { copyTree, type ScratchTree } from '../src/sandbox/scratch-tree.ts';

const root = join(import.meta.dirname, '..', '..');

/** A copy of this very repository, in which one fault at a time is planted, as a colleague would. */
let home: string;
let tree: ScratchTree;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'preflight-no-go-'));
  chmodSync(home, 0o711);
  tree = await copyTree(openTree(root), join(home, 'tree'));
});

afterEach(() => tree.restore());
afterAll(() => rmSync(home, { recursive: true, force: true }));

function preflight(...args: string[]) {
  const cli = join(tree.root, 'checks/src/cli.ts');
  return exec(process.execPath, [cli, 'run', ...args], { cwd: tree.root, timeoutMs: 60_000 });
}

/** Line of the first occurrence, from 1. */
async function lineOf(path: string, piece: string): Promise<number> {
  return (await tree.read(path)).split(piece)[0]?.split('\n').length ?? 0;
}

test('a console.log in production code', async () => {
  await tree.edit('service/src/domain/money.ts', /$/, "\nconsole.log('balance');\n");
  const { code, stdout } = await preflight('code/no-console');
  expect(code).toBe(1);
  expect(stdout).toContain(`service/src/domain/money.ts:${await lineOf('service/src/domain/money.ts', 'console.log')}`);
  expect(stdout).toMatch(/fix: .*log/i);
  expect(stdout).toContain('NO-GO');
});

test('a dependency that is not pinned', async () => {
  await tree.edit('service/package.json', /"express": "/, '"express": "^');
  const { code, stdout } = await preflight('supply-chain/dependencies-are-pinned');
  expect(code).toBe(1);
  expect(stdout).toContain(`service/package.json:${await lineOf('service/package.json', '"express"')}`);
  expect(stdout).toContain('NO-GO');
});

test('a key that was committed once, and removed again', async () => {
  const key = `AKIA${randomBytes(64)
    .toString('base64')
    .replace(/[^A-Z2-7]/g, '')
    .padEnd(16, 'Q7ZX')
    .slice(0, 16)}`;
  await tree.write('deploy/planted.env', `AWS_ACCESS_KEY_ID=${key}\n`);
  await tree.commit('deploy: configuration');
  await tree.remove('deploy/planted.env');
  await tree.commit('deploy: remove it again');
  const { code, stdout, stderr } = await preflight('secrets/no-secret-in-history');
  expect(code).toBe(1);
  expect(stdout).toContain('deploy/planted.env:1');
  expect(stdout).toMatch(/fix: .*revoke/i);
  expect(stdout + stderr).not.toContain(key);
});

test('an index that a migration no longer makes', async () => {
  const [migration = ''] = (
    await exec('git', ['grep', '-l', 'orders_status_idx', '--', 'migrations'], { cwd: tree.root })
  ).stdout.split('\n');
  await tree.edit(migration, /CREATE INDEX orders_status_idx[^;]*;/, '');
  const { code, stdout } = await preflight('database/required-indexes-exist');
  expect(code).toBe(1);
  expect(stdout).toContain('index orders_status_idx on execution.orders does not exist');
  expect(stdout).toContain('CREATE INDEX CONCURRENTLY orders_status_idx ON execution.orders (status)');
});

test('a route that somebody mounts without the authentication', async () => {
  await tree.edit(
    'service/src/http/server.ts',
    /const app = express\(\);/,
    "const app = express();\n  app.get('/api/v1/debug', (_, response) => void response.json({ open: true }));",
  );
  const { code, stdout } = await preflight('http/every-endpoint-needs-a-key');
  expect(code).toBe(1);
  expect(stdout).toContain('GET /api/v1/debug answered 200 to a request without a key');
  expect(stdout).toContain('GET /api/v1/debug is served and is not in the OpenAPI document');
  expect(stdout).toMatch(/fix: .*authentication/);
});

test('without gitleaks it does not know, and never says GO', async () => {
  const cli = join(tree.root, 'checks/src/cli.ts');
  rmSync(join(tree.root, '.tools'), { recursive: true });
  const { code, stdout } = await exec(process.execPath, [cli, 'run', 'secrets/*'], {
    cwd: tree.root,
    env: { PATH: '/usr/bin:/bin' },
  });
  expect(code).toBe(3);
  expect(stdout).toContain('gitleaks: `make setup` installs it');
  expect(stdout).toContain('UNKNOWN');
  expect(stdout).not.toMatch(/^GO/m);
});
