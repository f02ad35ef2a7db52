import { afterEach, beforeEach, expect, test } from 'vitest';
import changesAreReviewed from '../src/gates/governance/changes-are-reviewed.ts';
import twoApprovers from '../src/gates/governance/critical-changes-have-two-approvers.ts';
import { execOrThrow } from '../src/io/exec.ts';
import { lookAt } from './support/look.ts';
import { createSmallRepository, plainGitEnvironment, type SmallRepository } from './support/small-repository.ts';

const review = { releases: 'v*', trailers: ['Reviewed-by', 'Approved-by'], critical: ['money/**'] };
let repository: SmallRepository;
beforeEach(async () => {
  repository = await createSmallRepository({ 'readme.md': 'begin\n' });
  await repository.commitAll('begin');
  await repository.git('tag', 'v1.0.0');
});
afterEach(() => repository.close());

async function change(path: string, message: string): Promise<void> {
  repository.write(path, message);
  await repository.commitAll(message);
}

/** As somebody else than the author of the commits. */
async function mergeAs(email: string, branch: string): Promise<void> {
  const env = { ...plainGitEnvironment, GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_EMAIL: email };
  await execOrThrow('git', ['merge', '--quiet', '--no-ff', '--no-edit', branch], { cwd: repository.root, env });
}

const look = (gate: typeof changesAreReviewed) => lookAt(gate, repository.root, { review });
const messages = async (gate: typeof changesAreReviewed) => (await look(gate)).findings.map(({ message }) => message);

test('nobody but its author has looked at a plain commit', async () => {
  await change('money/cents.ts', 'money: exact');
  expect(await messages(changesAreReviewed)).toEqual([
    expect.stringMatching(/^[0-9a-f]{12} money: exact: nobody but its author ada@example\.com has looked at it$/),
  ]);
  expect(await messages(twoApprovers)).toEqual([
    expect.stringContaining('it changes money/cents.ts, which needs 2 approvers, and has none'),
  ]);
});

test('an author does not look at their own change, under whatever spelling', async () => {
  await change('a.ts', 'a: b\n\nReviewed-by: Ada Herself <ADA@example.com>');
  expect(await messages(changesAreReviewed)).toHaveLength(1);
});

test('a trailer without an address names nobody', async () => {
  await change('a.ts', 'a: b\n\nReviewed-by: somebody');
  expect(await messages(changesAreReviewed)).toHaveLength(1);
});

test('trailers of two others are two approvers; the same person twice is one', async () => {
  await change('money/a.ts', 'a: b\n\nReviewed-by: Grace <grace@example.com>\nApproved-by: Mary <mary@example.com>');
  await change('money/c.ts', 'c: d\n\nReviewed-by: Grace <grace@example.com>\nApproved-by: G <Grace@example.com>');
  expect(await look(changesAreReviewed)).toMatchObject({ outcome: 'pass', examined: 2 });
  expect(await messages(twoApprovers)).toEqual([expect.stringContaining(' c: d: it changes money/c.ts')]);
});

test('who merges a branch has looked at its commits, and not at those before or after it', async () => {
  await repository.git('switch', '--quiet', '-c', 'topic');
  await change('one.ts', 'one: on the branch');
  await repository.git('switch', '--quiet', 'main');
  await change('two.ts', 'two: on main');
  await mergeAs('grace@example.com', 'topic');
  expect(await messages(changesAreReviewed)).toEqual([expect.stringContaining('two: on main')]);
});

test("a merge of one's own branch is no second pair of eyes", async () => {
  await repository.git('switch', '--quiet', '-c', 'topic');
  await change('one.ts', 'one: on the branch');
  await repository.git('switch', '--quiet', 'main');
  await change('two.ts', 'two: on main');
  await mergeAs('ada@example.com', 'topic');
  expect(await messages(changesAreReviewed)).toHaveLength(2);
});

test('the tag of the release itself does not hide what is in it', async () => {
  await change('a.ts', 'a: unseen');
  await repository.git('tag', 'v1.1.0');
  expect(await messages(changesAreReviewed)).toHaveLength(1);
});

test('without a release the whole history counts', async () => {
  await repository.git('tag', '--delete', 'v1.0.0');
  await change('a.ts', 'a: b\n\nReviewed-by: Grace <grace@example.com>');
  expect(await messages(changesAreReviewed)).toEqual([expect.stringContaining(' begin: nobody')]);
});
