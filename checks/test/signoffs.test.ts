import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { signOff as answeredBy, type Item } from '../src/checklist/item.ts';
import { askedOf, checkSignOffs, type SignOffQuestion } from '../src/engine/signoff-faults.ts';
import { loadSignOffs, parseSignOff, type SignOff, signedText, signOffFile } from '../src/engine/signoffs.ts';
import { reachVerdict } from '../src/engine/verdict.ts';
import { signersFile, signFile } from '../src/evidence/signature.ts';
import { execOrThrow } from '../src/io/exec.ts';
import { appendToList } from '../src/io/yaml-list.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

const now = new Date('2026-06-15T12:00:00Z');
const item: Item = {
  ...{ id: 'approval.security', severity: 'blocker', asks: [] },
  answer: answeredBy('security', 7, 'The report.'),
};
const roles = { security: ['grace@example.com', 'joan@example.com'], product: ['ada@example.com'] };

let repository: SmallRepository;
let commit: string;
beforeEach(async () => {
  repository = await createSmallRepository({ 'report.json': '{}\n', '.gitignore': '*.key*\n' });
  const lines: string[] = [];
  for (const name of ['grace', 'joan', 'stranger']) {
    const key = join(repository.root, `${name}.key`);
    await execOrThrow('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
    if (name !== 'stranger') lines.push(`${name}@example.com ${readFileSync(`${key}.pub`, 'utf8')}`);
  }
  repository.write(signersFile, lines.join(''));
  commit = await repository.commitAll('begin');
});
afterEach(() => repository.close());

async function signed(change: Partial<SignOff> = {}, key = 'grace'): Promise<SignOff> {
  const entry = parseSignOff({
    ...{ item: item.id, role: 'security', who: 'grace@example.com', when: '2026-06-14T12:00:00Z' },
    ...{ evidence: 'report.json', ...(change.expires === undefined ? { commit } : {}), ...change },
  });
  const file = join(repository.root, 'text.key');
  repository.write('text.key', signedText(entry));
  await signFile(file, join(repository.root, `${key}.key`));
  const signature = readFileSync(`${file}.sig`, 'utf8');
  repository.remove('text.key.sig');
  return { ...entry, signature };
}

async function faults(signOffs: SignOff[], change: Partial<SignOffQuestion> = {}): Promise<string[]> {
  const question = { root: repository.root, commit, roles, now, twoApprovers: [], asked: askedOf([item], 'blocker') };
  const seen = await checkSignOffs({ ...question, signOffs, ...change });
  expect(seen.items).toEqual(seen.faults.length === 0 ? [item.id] : []);
  return seen.faults;
}

const by = (who: string) => `the sign-off of approval.security by ${who}@example.com:`;

describe('a sign-off holds', () => {
  test('of this commit, and until a day', async () => {
    expect(await faults([await signed()])).toEqual([]);
    expect(await faults([await signed({ expires: '2026-06-15' })])).toEqual([]);
    expect(await faults([await signed({ evidence: 'https://reports.example/7' })])).toEqual([]);
    expect(await faults([await signed({ evidence: `sha256:${'0a'.repeat(32)}` })])).toEqual([]);
  });

  test('also when it is committed after what it is about', async () => {
    await appendToList(join(repository.root, signOffFile), 'signoffs', await signed());
    const head = await repository.commitAll('signed off');
    const signOffs = await loadSignOffs(repository.root);
    expect(signOffs).toHaveLength(1);
    expect(await faults(signOffs, { commit: head })).toEqual([]);
  });

  test('beside one that has aged out', async () => {
    expect(await faults([await signed({ when: '2026-05-01T12:00:00Z' }), await signed()])).toEqual([]);
  });
});

describe('a release is kept back', () => {
  test('by what nobody has signed, in one line for each role, with exit code 4', async () => {
    const found = await faults([]);
    expect(found).toEqual([
      'missing: security has not signed off approval.security (`preflight sign ITEM` writes an entry)',
    ]);
    expect(reachVerdict([{ outcome: 'pass', severity: 'blocker' }], found)).toEqual({ verdict: 'NO-GO', exitCode: 4 });
  });

  test('by one that is about another commit', async () => {
    const entry = await signed();
    repository.write('report.json', '{"changed":true}\n');
    const head = await repository.commitAll('changed');
    expect(await faults([entry], { commit: head })).toEqual([
      `${by('grace')} other commit: it is about ${commit}, and this is ${head}`,
    ]);
  });

  test('by one that has expired, by the item or by itself, or that is still to come', async () => {
    expect(await faults([await signed({ when: '2026-06-08T12:00:00Z' })])).toEqual([
      `${by('grace')} expired: it holds for 7 days, and ended at 2026-06-15T12:00:00.000Z`,
    ]);
    expect(await faults([await signed({ expires: '2026-06-14' })])).toEqual([
      `${by('grace')} expired: it ended on 2026-06-14`,
    ]);
    expect(await faults([await signed({ when: '2026-06-15T12:00:01Z' })])).toEqual([
      `${by('grace')} it is dated 2026-06-15T12:00:01Z, which is still to come`,
    ]);
  });

  test('by one in a wrong role, or of somebody who does not have the role', async () => {
    expect(await faults([await signed({ role: 'product' })])).toEqual([
      `${by('grace')} wrong role: security has to sign it, and grace@example.com signed as product`,
    ]);
    expect(await faults([await signed({ who: 'ada@example.com' })])).toEqual([
      `${by('ada')} wrong role: governance.roles does not name ada@example.com for security`,
    ]);
  });

  test('by one that is unsigned, altered, or signed by a stranger or in the name of another', async () => {
    const { signature, ...unsigned } = await signed();
    expect(await faults([unsigned])).toEqual([
      `${by('grace')} unsigned: grace@example.com has to sign it, \`preflight sign approval.security\``,
    ]);
    expect(await faults([{ ...unsigned, ...(signature ? { signature } : {}), evidence: signersFile }])).toEqual([
      `${by('grace')} bad signature: it does not fit the statement, or was not made for preflight`,
    ]);
    expect(await faults([await signed({}, 'stranger')])).toEqual([
      `${by('grace')} unknown signer: its key is not in preflight.signers`,
    ]);
    expect(await faults([await signed({ who: 'joan@example.com' })])).toEqual([
      `${by('joan')} wrong signer: grace@example.com signed it, and not joan@example.com`,
    ]);
  });

  test('by evidence that is not there, or that is outside of the tree', async () => {
    for (const evidence of ['gone.json', '/etc/hostname', '../..', 'http://reports.example/7', 'sha256:00'])
      expect(await faults([await signed({ evidence })])).toEqual([
        `${by('grace')} its evidence ${evidence} is no file here, no https address and no sha256 digest`,
      ]);
  });

  test('by one person alone, or by the same one twice, where two are wanted', async () => {
    const two = { twoApprovers: ['approval.*'] };
    const message = 'approval.security needs two approvers, and grace@example.com alone has signed it off';
    expect(await faults([await signed()], two)).toEqual([message]);
    expect(await faults([await signed(), await signed({ expires: '2026-06-20' })], two)).toEqual([message]);
    expect(await faults([await signed(), await signed({ who: 'joan@example.com' }, 'joan')], two)).toEqual([]);
  });
});

test('only what counts is asked', () => {
  expect(askedOf([{ ...item, severity: 'warning' }], 'blocker')).toEqual([]);
  expect(askedOf([{ ...item, severity: 'warning' }], 'warning')).toHaveLength(1);
});

test.each([
  [{ expires: '2026-06-20' }, 'either `commit` or `expires` is wanted'],
  [{ who: 'a\nrole: risk' }, 'who: one line is wanted'],
  [{ role: 'king' }, 'role: Invalid option'],
])('an entry with %j is refused', (change, fault) => {
  const entry = { item: item.id, role: 'security', who: 'a', when: '2026-06-14T12:00:00Z', evidence: 'a', commit };
  expect(() => parseSignOff({ ...entry, ...change })).toThrow(fault);
});
