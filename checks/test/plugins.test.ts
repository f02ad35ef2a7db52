import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { allChecks } from '../src/all.ts';
import { checksHere, checksOf } from '../src/plugins.ts';
import { repositoryRoot } from './support/look.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'preflight-test-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a package that can only be imported is found from the tree, not from here', async () => {
  const home = join(root, 'node_modules', 'team-gates');
  mkdirSync(home, { recursive: true });
  symlinkSync(join(repositoryRoot, 'checks'), join(root, 'node_modules', 'preflight'));
  const exported = { name: 'team-gates', type: 'module', exports: { '.': { import: './gates.js' } } };
  writeFileSync(join(home, 'package.json'), JSON.stringify(exported));
  writeFileSync(
    join(home, 'gates.js'),
    `import { defineGate } from 'preflight';
     const [unit, why, fix, source] = ['notes', 'Because.', 'Write it.', 'https://example.com/'];
     const parts = { severity: 'blocker', profile: 'static', needs: [], covers: [], unit, why, fix, source };
     const observe = async () => ({ examined: 1, facts: [] });
     const samples = { good: [[]], bad: [['a']] };
     const judge = (facts) => facts.map((message) => ({ message }));
     export const gates = [defineGate({ ...parts, id: 'team/notes', observe, judge, samples, sabotage: async () => {} })];`,
  );
  const checks = await checksOf(root, { plugins: ['team-gates'] });
  expect(checks.slice(0, -1)).toEqual(allChecks);
  expect(checks.at(-1)).toMatchObject({ id: 'team/notes', kind: 'gate', alone: false });
});

test('without plugins, and without a configuration, there are the gates of preflight', async () => {
  expect(await checksOf(root, { plugins: [] })).toEqual(allChecks);
  expect(await checksHere(root, 'preflight.config.ts')).toBe(allChecks);
});
