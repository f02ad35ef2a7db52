import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import type { CheckResult } from '../src/engine/report.ts';
import { parseLog, parseReport } from '../src/gates/secrets/gitleaks.ts';
import inHistory from '../src/gates/secrets/no-secret-in-history.ts';
import inTree, { someToken } from '../src/gates/secrets/no-secret-in-tree.ts';
import { exec } from '../src/io/exec.ts';
import { openCache } from '../src/io/result-cache.ts';
import { findTools } from '../src/io/tools.ts';
import { openTree } from '../src/io/tree.ts';
import { lookAt, repositoryRoot, smallestConfig } from './support/look.ts';
import {
  createSmallRepository,
  mergeInto,
  plainGitEnvironment,
  type SmallRepository,
} from './support/small-repository.ts';

const opened: SmallRepository[] = [];
async function repository(files: Record<string, string>): Promise<SmallRepository> {
  const made = await createSmallRepository(files);
  opened.push(made);
  return made;
}
afterEach(() => {
  for (const made of opened.splice(0)) made.close();
});

const hasGitleaks = findTools(repositoryRoot).find('gitleaks') !== undefined;

describe.runIf(hasGitleaks)('no secret in the tree', () => {
  test('counts the files that it read, and says which it did not', async () => {
    const tree = await repository({
      'a.txt': 'hello\n',
      'with space/é.txt': 'hello\n',
      empty: '',
      'package-lock.json': '{}\n',
    });
    symlinkSync('a.txt', join(tree.root, 'link'));
    tree.write('.gitignore', 'ignored.env\n');
    tree.write('ignored.env', someToken());
    const result = await lookAt(inTree, tree.root);
    expect(result).toMatchObject({ outcome: 'pass', examined: 3, findings: [] });
    expect(result.facts).toMatchObject({
      files: 6,
      skipped: expect.arrayContaining([
        { reason: 'symbolic link', files: ['link'] },
        { reason: 'empty file', files: ['empty'] },
        { reason: 'global allowlist', files: ['package-lock.json'] },
      ]),
    });
  });

  test('an edit has one file scanned again, a leak is told until it is gone, and other rules clear nothing', async () => {
    const tree = await repository({ 'a.txt': 'one\n', 'b.txt': 'two\n', 'c!d.txt': 'three\n' });
    const look = async () => {
      const own = { own: [inTree], sources: [], clean: (result: CheckResult) => result, now: () => new Date() };
      const kept = { config: parseConfig(smallestConfig), tree: openTree(tree.root), tools: findTools(repositoryRoot) };
      const { examined, facts, findings } = await lookAt(
        inTree,
        tree.root,
        {},
        kept.tools,
        openCache({ ...own, ...kept }),
      );
      return { examined, cleared: (facts as { cleared: number }).cleared, found: findings.map(({ file }) => file) };
    };
    expect(await look()).toEqual({ examined: 3, cleared: 0, found: [] });
    tree.write('c!d.txt', `token: ${someToken()}\n`);
    for (const _ of ['first', 'again']) expect(await look()).toEqual({ examined: 3, cleared: 2, found: ['c!d.txt'] });
    tree.write('c!d.txt', 'none\n');
    expect(await look()).toEqual({ examined: 3, cleared: 2, found: [] });
    copyFileSync(join(repositoryRoot, '.gitleaks.toml'), join(tree.root, '.gitleaks.toml'));
    expect(await look()).toEqual({ examined: 3, cleared: 0, found: [] });
  });

  test('names the place and the rule, and never the secret', async () => {
    const token = someToken();
    const tree = await repository({ 'src/a.ts': `// one\nconst token = '${token}';\n` });
    const result = await lookAt(inTree, tree.root);
    expect(result.outcome).toBe('fail');
    expect(result.findings).toMatchObject([{ file: 'src/a.ts', line: 2 }]);
    expect(result.findings[0]?.message).toContain('github-pat');
    expect(JSON.stringify(result)).not.toContain(token);
  });

  test('a secret keeps its fingerprint when it moves, and another one on its line has another', async () => {
    const [one, other] = [someToken(), someToken()];
    const fingerprints = async (text: string) => {
      const tree = await repository({ 'a.txt': text });
      return (await lookAt(inTree, tree.root)).findings.map(({ fingerprint }) => fingerprint);
    };
    const [before, moved, replaced] = [
      await fingerprints(`token: ${one}\n`),
      await fingerprints(`# a line\n\n  token: ${one}\n`),
      await fingerprints(`token: ${other}\n`),
    ];
    expect(before).toHaveLength(1);
    expect(moved).toEqual(before);
    expect(replaced).not.toEqual(before);
  });

  test('neither a comment nor an ignore file of gitleaks hides a secret', async () => {
    const tree = await repository({
      'a.txt': `token: ${someToken()} # gitleaks:allow\n`,
      '.gitleaksignore': 'a.txt:github-pat:1\n',
    });
    const result = await lookAt(inTree, tree.root);
    expect(result.findings).toMatchObject([{ file: 'a.txt', line: 1 }]);
    expect(result.facts).toMatchObject({ ignoreFiles: ['.gitleaksignore'] });
  });

  test('rules that find nothing any more are an error, not a pass', async () => {
    const tree = await repository({
      'a.txt': `token: ${someToken()}\n`,
      '.gitleaks.toml': '[extend]\nuseDefault = true\n[[allowlists]]\nregexes = [".*"]\n',
    });
    const result = await lookAt(inTree, tree.root);
    expect(result.outcome).toBe('error');
    expect(result.findings[0]?.message).toContain('did not find the secret that was planted');
  });

  test('broken rules are an error', async () => {
    const tree = await repository({ 'a.txt': 'a\n', '.gitleaks.toml': 'this is not TOML' });
    const result = await lookAt(inTree, tree.root);
    expect(result.outcome).toBe('error');
    expect(result.findings[0]?.message).toContain('gitleaks ended with exit code 1');
  });

  test('secrets inside of archives and encodings are found', async () => {
    const tree = await repository({ 'a.txt': `token: ${someToken()}\n` });
    await exec('tar', ['-czf', 'b.tar.gz', 'a.txt'], { cwd: tree.root });
    tree.write('c.txt', `data: ${Buffer.from(`token: ${someToken()} and more`).toString('base64')}\n`);
    tree.write('a.txt', 'nothing\n');
    const result = await lookAt(inTree, tree.root);
    expect(result.findings.map(({ file }) => file).sort()).toEqual(['b.tar.gz!a.txt', 'c.txt']);
    expect(result.examined).toBe(3);
  });

  test.skipIf(userInfo().uid === 0)('a file that cannot be read is an error', async () => {
    const tree = await repository({ 'a.txt': 'a\n', 'b.txt': 'b\n' });
    chmodSync(join(tree.root, 'b.txt'), 0);
    expect(await lookAt(inTree, tree.root)).toMatchObject({ outcome: 'error' });
  });

  test('an empty tree is no pass', async () => {
    const tree = await repository({});
    expect(await lookAt(inTree, tree.root)).toMatchObject({ outcome: 'error', examined: 0 });
  });
});

describe.runIf(hasGitleaks)('a gitleaks that read less than it was given', () => {
  /** The real one, behind a script that changes a word of what it says. */
  async function gitleaksThatSays(edit: string) {
    const tools = findTools(repositoryRoot);
    const { root, write } = await repository({});
    const script = `#!/usr/bin/env bash\n'${tools.path('gitleaks')}' "$@" 2> >(sed -E '${edit}' >&2)\nexit $?\n`;
    write('gitleaks', script);
    chmodSync(join(root, 'gitleaks'), 0o755);
    const path = (name: Parameters<typeof tools.path>[0]) =>
      name === 'gitleaks' ? join(root, name) : tools.path(name);
    return { ...tools, path };
  }

  test('a byte of the tree is an error', async () => {
    const tree = await repository({ 'a.txt': 'a\n' });
    expect((await lookAt(inTree, tree.root, {}, await gitleaksThatSays('s/x/x/'))).outcome).toBe('pass');
    const { outcome, findings } = await lookAt(
      inTree,
      tree.root,
      {},
      await gitleaksThatSays('s/scanned ~[0-9]+/scanned ~42/'),
    );
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toMatch(/gitleaks read 42 bytes, and the files that it was given have 43$/);
  });

  test('a commit of the history is an error', async () => {
    const tree = await repository({ 'a.txt': 'a\n' });
    await tree.commitAll('one');
    tree.write('a.txt', 'b\n');
    await tree.commitAll('two');
    expect(await lookAt(inHistory, tree.root, {}, await gitleaksThatSays('s/x/x/'))).toMatchObject({
      outcome: 'pass',
      examined: 2,
    });
    const fewer = await gitleaksThatSays('s/2 commits scanned/1 commits scanned/');
    const { outcome, findings } = await lookAt(inHistory, tree.root, {}, fewer);
    expect(outcome).toBe('error');
    expect(findings[0]?.message).toContain('gitleaks read 1 commits, and 2 of 2 add text');
  });
});

describe.runIf(hasGitleaks)('the rules of this repository', () => {
  const random = (length: number) => randomBytes(length).toString('base64url').slice(0, length);
  // 64 random hexadecimal digits have less than the rule's entropy now and then; with each digit four times they never have.
  const shuffledHex = () => {
    const digits = [...'0123456789abcdef'.repeat(4)];
    return digits.sort(() => randomBytes(1).readInt8()).join('');
  };
  test.each([
    ['order-service-api-key', () => `key: pk_a1b2c3d4_${random(43)}`],
    ['order-processing-api-key', () => `ORDER_PROCESSING_API_KEY=${shuffledHex()}`],
    ['order-processing-api-key', () => `  "ORDER_PROCESSING_API_KEY": "${shuffledHex()}",`],
    ['postgres-url-with-password', () => `DATABASE_URL=postgres://app:${random(24)}@db/orders`],
    ['github-pat', () => `token: ${someToken()}`],
  ])('%s', async (rule, text) => {
    const tree = await repository({ 'a.env': `${text()}\n` });
    copyFileSync(join(repositoryRoot, '.gitleaks.toml'), join(tree.root, '.gitleaks.toml'));
    const { findings } = await lookAt(inTree, tree.root);
    expect(findings.map(({ message }) => message).join()).toContain(`by the rule ${rule}:`);
  });

  test('what stands for a secret is none', async () => {
    const tree = await repository({
      'a.env': 'DATABASE_URL=postgres://user:password@host:5432/database\nORDER_PROCESSING_API_KEY=\n',
      'b.yml': `env:\n  ORDER_PROCESSING_API_KEY: \${{ secrets.ORDER_PROCESSING_API_KEY }}\n`,
      'c.ts': `const env = { ORDER_PROCESSING_API_KEY: '{secret}', url: "postgres://app:\${password}@db/x" };\n`,
    });
    copyFileSync(join(repositoryRoot, '.gitleaks.toml'), join(tree.root, '.gitleaks.toml'));
    expect(await lookAt(inTree, tree.root)).toMatchObject({ outcome: 'pass', findings: [] });
  });
});

describe.runIf(hasGitleaks)('no secret in the history', () => {
  test('finds a secret that a later commit removed, on any branch, with its commit and date', async () => {
    const token = someToken();
    const tree = await repository({ 'a.txt': 'a\n' });
    await tree.commitAll('begin');
    await tree.git('switch', '--quiet', '--create', 'side');
    tree.write('b.txt', `token: ${token}\n`);
    const commit = await tree.commitAll('add');
    tree.remove('b.txt');
    await tree.commitAll('remove');
    await tree.git('switch', '--quiet', 'main');
    const result = await lookAt(inHistory, tree.root);
    expect(result).toMatchObject({ outcome: 'fail', examined: 2 });
    expect(result.facts).toMatchObject({ commits: 3, commitsThatAddText: 2 });
    expect(result.findings).toMatchObject([{ file: 'b.txt', line: 1 }]);
    expect(result.findings[0]?.message).toContain(`commit ${commit.slice(0, 12)} of 2026-01-02 by Ada`);
    expect(JSON.stringify(result)).not.toContain(token);
  });

  test('finds a secret that came in while a conflict was resolved', async () => {
    const tree = await repository({ f: 'base\n' });
    await tree.commitAll('base');
    await tree.git('switch', '--quiet', '--create', 'side');
    tree.write('f', 'side\n');
    await tree.commitAll('side');
    await tree.git('switch', '--quiet', 'main');
    tree.write('f', 'main\n');
    await tree.commitAll('main');
    await mergeInto(tree, 'side');
    tree.write('f', `merged\ntoken: ${someToken()}\n`);
    await tree.commitAll('merge');
    const result = await lookAt(inHistory, tree.root);
    expect(result.findings).toMatchObject([{ file: 'f', line: 2 }]);
    expect(result.examined).toBe(4);
  });

  test("the user's own git settings and ignore files do not change what it sees", async () => {
    const tree = await repository({ 'a.txt': `token: ${someToken()} # gitleaks:allow\n` });
    const commit = await tree.commitAll('add');
    tree.write('.gitleaksignore', `${commit}:a.txt:github-pat:1\n`);
    for (const [name, value] of [
      ['format.pretty', 'oneline'],
      ['log.showRoot', 'false'],
      ['diff.noprefix', 'true'],
      ['color.ui', 'always'],
    ] as const)
      await tree.git('config', name, value);
    const result = await lookAt(inHistory, tree.root);
    expect(result).toMatchObject({ outcome: 'fail', examined: 1, findings: [{ file: 'a.txt' }] });
    expect(result.facts).toMatchObject({ ignoreFiles: ['.gitleaksignore'] });
  });

  test('a shallow clone is an error that says how to get the rest', async () => {
    const tree = await repository({ 'a.txt': 'a\n' });
    await tree.commitAll('one');
    await tree.commitAll('two');
    const clone = await repository({});
    const target = join(clone.root, 'shallow');
    await exec('git', ['clone', '--quiet', '--depth=1', `file://${tree.root}`, target], { env: plainGitEnvironment });
    const result = await lookAt(inHistory, target);
    expect(result.outcome).toBe('error');
    expect(result.findings[0]?.message).toMatch(/git fetch --unshallow.*fetch-depth: 0/);
  });

  test('a history in which nothing could be read is an error, and none at all is not run', async () => {
    const tree = await repository({});
    expect(await lookAt(inHistory, tree.root)).toMatchObject({ outcome: 'not-run', examined: 0 });
    await tree.commitAll('nothing in it');
    expect(await lookAt(inHistory, tree.root)).toMatchObject({ outcome: 'error', examined: 0 });
  });
});

describe('what gitleaks prints', () => {
  const scanned = '9:00AM INF scanned ~12 bytes (12 bytes) in 1ms';

  test('a warning is an error, for it is about something that was not read', () => {
    const log = `9:00AM WRN skipping file: permission denied path=a.txt\n${scanned}\n9:00AM INF no leaks found\n`;
    expect(() => parseLog(log)).toThrow('skipping file: permission denied');
    expect(() =>
      parseLog(`9:00AM ERR [git] fatal: bad revision 'x..y'\n9:00AM INF 0 commits scanned.\n${scanned}`),
    ).toThrow('bad revision');
    expect(parseLog(`${scanned}\n9:00AM WRN leaks found: 3\n`)).toEqual({ bytes: 12, commits: undefined, skipped: [] });
  });

  test('a log without the sum is an error', () => {
    expect(() => parseLog('9:00AM INF no leaks found\n')).toThrow('did not say how much');
  });

  test('a broken report is an error that repeats none of it', () => {
    expect(() => parseReport('[{"Secret": "hunter2"')).toThrow(/^gitleaks printed a report that is not JSON$/);
    expect(() => parseReport('{"Secret": "hunter2"}')).toThrow(/^gitleaks printed a report of a shape/);
  });

  test('skipped files and directories are told with their reasons', () => {
    const log = [
      '9:00AM DBG skipping directory: global allowlist path=node_modules',
      '9:00AM DBG skipping binary file mime_type=application/x-executable path="a b"',
      scanned,
    ].join('\n');
    expect(parseLog(log).skipped).toEqual([
      { path: 'node_modules', reason: 'global allowlist', directory: true },
      { path: 'a b', reason: 'binary file', directory: false },
    ]);
  });
});
