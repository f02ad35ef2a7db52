import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CheckResult, Report } from '../src/engine/report.ts';
import { signersFile } from '../src/evidence/signature.ts';
import { digestOf, statementFile, statementSchema } from '../src/evidence/statement.ts';
import { takeUp } from '../src/evidence/take-up.ts';
import { type Policy, verifyEvidence } from '../src/evidence/verify.ts';
import { evidenceName, forgetOldest, openHome, writeEvidence } from '../src/evidence/write.ts';
import { execOrThrow } from '../src/io/exec.ts';
import { fakeGate } from './support/fake-checks.ts';
import { goReport, passed } from './support/go-report.ts';
import { createSmallRepository } from './support/small-repository.ts';

const now = new Date('2026-06-15T12:00:00Z');
let home: string;
let directory: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'preflight-test-'));
  directory = join(home, 'evidence');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function policy(change: Partial<Policy> = {}): Policy {
  return {
    ...{ commit: 'c'.repeat(40), configHash: 'a'.repeat(64), profile: 'commit', maxAgeMs: 24 * 3_600_000 },
    ...{ now, root: home, requireSignature: false },
    ...change,
  };
}

async function write(change: Partial<Report> = {}, signKey?: string): Promise<void> {
  await writeEvidence({ report: goReport(change, now), directory, configFile: 'preflight.config.ts', signKey });
}

async function refusals(change: Partial<Policy> = {}): Promise<string[]> {
  return (await verifyEvidence(directory, policy(change))).refusals;
}

function read(path: string): string {
  return readFileSync(join(directory, path), 'utf8');
}

function edit(path: string, before: string, after: string): void {
  const text = read(path);
  expect(text).toContain(before);
  writeFileSync(join(directory, path), text.replace(before, after));
}

describe('what is written', () => {
  test('is an in-toto statement about the commit, whose manifest any sha256sum can check', async () => {
    const waiver = { reason: 'later', owner: 'ada', approver: 'grace', expires: '2026-06-20' };
    const weak = passed('a/weak', { outcome: 'fail', severity: 'advisory' });
    const waived = passed('a/waived', { outcome: 'waived', waiver });
    await write({ results: [passed('a/one'), waived, weak, passed('a/bad', { outcome: 'error' })] });
    const statement = statementSchema.parse(JSON.parse(read(statementFile)));
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'commit', digest: { gitCommit: 'c'.repeat(40) } }],
      predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
      predicate: {
        ...{ result: 'WARNED', passedTests: ['a/one'], warnedTests: ['a/waived', 'a/weak'], failedTests: ['a/bad'] },
        configuration: [{ name: 'preflight.config.ts', digest: { sha256: 'a'.repeat(64) } }],
        preflight: { verdict: 'GO', profile: 'commit', dirty: false, tools: { node: '26.10.0' } },
      },
    });
    await execOrThrow('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: directory });
    expect(JSON.parse(read('seen/a/one.json'))).toMatchObject({ id: 'a/one', examined: 3, facts: { seen: ['a/one'] } });
    expect(readdirSync(home)).toEqual(['evidence']);
  });

  test('without a commit it is about the configuration', async () => {
    await write({ commit: '', dirty: true });
    const { subject } = statementSchema.parse(JSON.parse(read(statementFile)));
    expect(subject).toEqual([{ name: 'preflight.config.ts', digest: { sha256: 'a'.repeat(64) } }]);
  });

  test('what a gate saw is bounded, however much it was', async () => {
    const facts = Array.from({ length: 900 }, () => ({ line: 'x'.repeat(1_900), more: ['y'.repeat(1_900)] }));
    await write({ results: [passed('a/much', { facts })] });
    expect(read('seen/a/much.json').length).toBeLessThan(256 * 1024);
    expect(read('seen/a/much.json')).toContain('(900 in all)');
    expect(await refusals()).toEqual([]);
  });

  test('a key that does not sign leaves nothing behind', async () => {
    writeFileSync(join(home, 'key'), 'no key\n');
    await expect(write({}, join(home, 'key'))).rejects.toThrow('does not sign');
    expect(readdirSync(home)).toEqual(['key']);
  });

  test('of the runs that nobody gave a place the last twenty are kept, and nothing else is touched', async () => {
    const kept = await openHome(home);
    const names = Array.from({ length: 23 }, (_, hour) =>
      evidenceName(goReport({ startedAt: new Date(now.getTime() + hour * 3_600_000).toISOString() })),
    );
    for (const name of [...names, 'mine']) mkdirSync(join(kept, name));
    await forgetOldest(kept);
    expect(readdirSync(kept).sort()).toEqual([...names.slice(3), 'mine']);
    expect(readFileSync(join(home, '.preflight', '.gitignore'), 'utf8')).toBe('*\n');
  });
});

describe('what is accepted and refused', () => {
  test('whole, true, young, of this commit and configuration: accepted', async () => {
    await write();
    expect(await verifyEvidence(directory, policy())).toMatchObject({ refusals: [], report: { verdict: 'GO' } });
  });

  test.each<[string, Partial<Report>, Partial<Policy>]>([
    ['another commit', {}, { commit: 'd'.repeat(40) }],
    ['dirty tree', { dirty: true }, {}],
    ['changed configuration', {}, { configHash: 'b'.repeat(64) }],
    ['too old', {}, { maxAgeMs: 59_000 }],
    ['too new', { finishedAt: '2026-06-15T12:01:01Z' }, {}],
    ['not GO', { verdict: 'NO-GO', exitCode: 1 }, {}],
    ['not GO', { verdict: 'UNKNOWN', exitCode: 3 }, {}],
    ['partial run', { leftOut: [{ id: 'a/three', reason: 'skip' }] }, {}],
    ['partial run', { leftOut: [{ id: 'a/three', reason: 'selection' }] }, {}],
    ['narrow profile', { profile: 'static' }, {}],
    ['narrow profile', {}, { profile: 'release' }],
    ['missing file: statement.json.sig', {}, { requireSignature: true }],
  ])('%s', async (reason, report, asked) => {
    await write(report);
    expect(await refusals(asked)).toEqual([expect.stringMatching(`^${reason}`)]);
  });

  test('every reason is said at once', async () => {
    await write({ dirty: true, verdict: 'UNKNOWN', exitCode: 3 });
    const asked = { commit: 'd'.repeat(40), configHash: 'b'.repeat(64), maxAgeMs: 1, profile: 'release' } as const;
    expect(await refusals(asked)).toHaveLength(6);
  });

  test('what was taken up does not become younger by it', async () => {
    await write({ results: [passed('a/one', { takenUp: { lookedAt: '2026-06-14T11:00:00Z' } })] });
    expect(await refusals()).toEqual(['too old: what it rests on was seen 25 h ago, and 24 h is the most']);
  });

  test('a time that is none is refused', async () => {
    await write({ finishedAt: 'yesterday' });
    expect(await refusals()).toEqual([expect.stringMatching(/^too old/)]);
  });

  test.each([
    ['2026-06-14', ['ended waiver: that of a/one expired on 2026-06-14']],
    ['2026-06-15', []],
  ])('a waiver that holds until %s', async (expires, wanted) => {
    const waiver = { reason: 'later', owner: 'ada', approver: 'grace', expires };
    await write({ results: [passed('a/one', { outcome: 'waived', waiver })] });
    expect(await refusals()).toEqual(wanted);
  });

  test('each single file that is altered or gone is named, and nothing that it claims is looked at', async () => {
    await write({ dirty: true });
    for (const path of ['report.json', 'seen/a/one.json', 'seen/a/two.json']) {
      const text = read(path);
      writeFileSync(join(directory, path), `${text} `);
      expect(await refusals()).toEqual([`altered file: ${path}`]);
      rmSync(join(directory, path));
      expect(await refusals()).toEqual([`missing file: ${path}`]);
      writeFileSync(join(directory, path), text);
    }
    expect(await refusals()).toEqual([expect.stringMatching(/^dirty tree/)]);
  });

  test('a file that is put in, and one that is only a link', async () => {
    await write();
    writeFileSync(join(directory, 'seen', 'more.json'), '{}');
    expect(await refusals()).toEqual(['altered file: seen/more.json is not in SHA256SUMS']);
    rmSync(join(directory, 'seen', 'more.json'));
    writeFileSync(join(home, 'report.json'), read('report.json'));
    rmSync(join(directory, 'report.json'));
    symlinkSync(join(home, 'report.json'), join(directory, 'report.json'));
    expect(await refusals()).toEqual(['missing file: report.json']);
  });

  test('the manifest and the statement hold each other', async () => {
    await write();
    edit('SHA256SUMS', digestOf(read('report.json')), 'f'.repeat(64));
    expect(await refusals()).toEqual([expect.stringMatching(/^altered file: SHA256SUMS is not the one/)]);
    rmSync(join(directory, 'SHA256SUMS'));
    expect(await refusals()).toEqual(['missing file: SHA256SUMS']);
    writeFileSync(join(directory, statementFile), '{"_type": "other"}');
    expect(await refusals()).toEqual([expect.stringMatching(/^altered file: statement.json is no statement/)]);
    rmSync(join(directory, statementFile));
    expect(await refusals()).toEqual([expect.stringMatching(/^missing file: statement.json/)]);
  });

  test('a statement that praises a report that is not so', async () => {
    await write({ verdict: 'NO-GO', exitCode: 1 });
    edit(statementFile, '"verdict": "NO-GO"', '"verdict": "GO"');
    expect(await refusals()).toEqual(['altered file: statement.json and report.json differ in verdict']);
  });

  test.each(['../report.json', '/etc/passwd', 'a/../../b', '.hidden'])('a manifest that names %s', async (path) => {
    await write();
    const manifest = `${read('SHA256SUMS')}${'0'.repeat(64)}  ${path}\n`;
    edit(statementFile, digestOf(read('SHA256SUMS')), digestOf(manifest));
    writeFileSync(join(directory, 'SHA256SUMS'), manifest);
    expect(await refusals()).toEqual([expect.stringMatching(/^altered file: SHA256SUMS/)]);
  });
});

describe('signatures', () => {
  /** A new key; the signers' file lets `ada` sign with it, under these options. */
  async function key(name: string, options?: string): Promise<string> {
    const file = join(home, name);
    await execOrThrow('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
    const [type, text] = readFileSync(`${file}.pub`, 'utf8').split(' ');
    if (options !== undefined) writeFileSync(join(home, signersFile), `ada@example.com ${options} ${type} ${text}\n`);
    return file;
  }

  test('of a known key is accepted, with whose it is', async () => {
    await write({}, await key('ada', 'namespaces="preflight"'));
    const accepted = await verifyEvidence(directory, policy({ requireSignature: true }));
    expect(accepted).toMatchObject({ refusals: [], signer: 'ada@example.com' });
  });

  test('that does not fit the statement any more', async () => {
    await write({}, await key('ada', ''));
    edit(statementFile, '"result": "PASSED"', '"result": "WARNED"');
    expect(await refusals()).toEqual([expect.stringMatching(/^bad signature/)]);
  });

  test('of a key that nobody knows, and in a tree that knows nobody', async () => {
    await key('grace', '');
    await write({}, await key('mallory'));
    expect(await refusals()).toEqual(['unknown signer: its key is not in preflight.signers']);
    rmSync(join(home, signersFile));
    expect(await refusals()).toEqual(['unknown signer: this tree has no preflight.signers']);
  });

  test.each(['namespaces="git"', 'valid-before="20200101"'])('of one who may not sign: %s', async (options) => {
    await write({}, await key('ada', options));
    expect(await refusals()).toEqual([expect.stringMatching(/^unknown signer/)]);
  });

  test('made for another purpose', async () => {
    const file = await key('ada', '');
    await write();
    await execOrThrow('ssh-keygen', ['-Y', 'sign', '-n', 'git', '-f', file, join(directory, statementFile)]);
    expect(await refusals()).toEqual([expect.stringMatching(/^bad signature/)]);
  });

  test('that is no signature', async () => {
    await write();
    writeFileSync(join(directory, `${statementFile}.sig`), 'trust me\n');
    expect(await refusals()).toEqual([expect.stringMatching(/^bad signature/)]);
  });
});

describe('taking up', () => {
  const checks = [fakeGate('a/one'), fakeGate('a/waived'), fakeGate('a/new')];

  async function takeUpFrom(results: CheckResult[], change: Partial<Policy> = {}) {
    const repository = await createSmallRepository({ 'a.txt': 'a\n' });
    try {
      const commit = await repository.commitAll('begin');
      await write({ commit, results });
      const clean = await takeUp(directory, checks, policy({ commit, root: repository.root, ...change }));
      repository.write('a.txt', 'b\n');
      const dirty = await takeUp(directory, checks, policy({ commit, root: repository.root, ...change }));
      return { clean, dirty };
    } finally {
      repository.close();
    }
  }

  test('only what passed and is wanted, with the time when it was seen', async () => {
    const waiver = { reason: 'later', owner: 'ada', approver: 'grace', expires: '2026-06-20' };
    const others = [passed('a/waived', { outcome: 'waived', waiver }), passed('a/unwanted')];
    const { clean, dirty } = await takeUpFrom([passed('a/one'), ...others]);
    expect(clean.refusals).toEqual([]);
    const seenAt = { lookedAt: '2026-06-15T11:59:00.000Z' };
    expect([...clean.results]).toEqual([['a/one', expect.objectContaining({ outcome: 'pass', takenUp: seenAt })]]);
    expect(dirty).toEqual({ results: new Map(), refusals: ['dirty tree: this one has uncommitted changes'] });
  });

  test('nothing from what verify refuses', async () => {
    const { clean } = await takeUpFrom([passed('a/one')], { maxAgeMs: 1 });
    expect(clean.results.size).toBe(0);
    expect(clean.refusals).toEqual([expect.stringMatching(/^too old/)]);
  });

  test('and it keeps the time of the first look', async () => {
    const takenUp = { lookedAt: '2026-06-15T01:00:00.000Z' };
    const { clean } = await takeUpFrom([passed('a/one', { takenUp })]);
    expect(clean.results.get('a/one')).toMatchObject({ takenUp });
  });
});

test('a directory with the same name is not overwritten', async () => {
  await write();
  await expect(write()).rejects.toThrow(/ENOTEMPTY|EEXIST/);
  expect(existsSync(join(directory, statementFile))).toBe(true);
  expect(await refusals()).toEqual([]);
});
