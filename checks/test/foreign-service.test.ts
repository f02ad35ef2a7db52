import { cpSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Report, reportSchema } from '../src/engine/report.ts';
import { exec, execOrThrow } from '../src/io/exec.ts';
import { findTools, type ToolName } from '../src/io/tools.ts';
import { installTarball, linkPackages, packTarball } from './support/installed.ts';
import { repositoryRoot } from './support/look.ts';
import { createSmallRepository, plainGitEnvironment, type SmallRepository } from './support/small-repository.ts';

const example = join(repositoryRoot, 'examples', 'foreign-service');
const machine = findTools(repositoryRoot);
const needed: readonly ToolName[] = ['postgres', 'initdb', 'pg_dump', 'k6', 'gitleaks', 'actionlint', 'shellcheck'];
const missing = needed.filter((name) => machine.find(name) === undefined);
const runWithinMs = 120_000;

let repository: SmallRepository;

/** The example alone in a repository of its own, with the tarball and with the packages that it asks for. */
beforeAll(async () => {
  repository = await createSmallRepository();
  const { root } = repository;
  // What somebody has installed in the example's own directory takes no part.
  for (const path of (await execOrThrow('git', ['ls-files', '-co', '--exclude-standard'], { cwd: example })).stdout
    .split('\n')
    .filter(Boolean))
    cpSync(join(example, path), join(root, path));
  const tarball = await packTarball(root);
  await installTarball(root, tarball);
  rmSync(tarball);
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  linkPackages(root, Object.keys({ ...dependencies, ...devDependencies }));
  symlinkSync(join(repositoryRoot, 'node_modules', 'typescript', 'bin', 'tsc'), join(root, 'node_modules/.bin/tsc'));
  await repository.commitAll('a service');
});
afterAll(() => repository.close());

async function run(...globs: string[]): Promise<Report> {
  const { root } = repository;
  const env = { ...plainGitEnvironment, PATH: machine.environment.PATH };
  const words = ['run', ...globs, '--reporter', 'json'];
  const options = { cwd: root, env, timeoutMs: runWithinMs };
  const { stdout, stderr } = await exec(join(root, 'node_modules/.bin/preflight'), words, options);
  if (stdout === '') throw new Error(stderr);
  return reportSchema.parse(JSON.parse(stdout));
}

function edit(path: string, before: string, after: string): void {
  const text = readFileSync(join(repository.root, path), 'utf8');
  if (!text.includes(before)) throw new Error(`${path} does not hold: ${before}`);
  repository.write(path, text.replace(before, after));
}

describe.skipIf(missing.length > 0)("another team's service, gated from the tarball by its configuration alone", () => {
  test(
    'is GO, by 25 gates and drills or more; what does not apply is listed and not passed',
    async () => {
      const report = await run();
      const unready = report.results.filter(({ outcome }) => outcome !== 'pass');
      expect(unready.map(({ id, findings, missing: absent }) => ({ id, findings, absent }))).toEqual([]);
      expect(report).toMatchObject({ verdict: 'GO', exitCode: 0, dirty: false });
      expect(report.results.length).toBeGreaterThanOrEqual(25);
      const aside = report.leftOut.filter(({ reason }) => reason === 'not-applicable');
      expect(aside.map(({ id }) => id)).toContain('money/books-are-conserved');
      expect(aside.every(({ because = '' }) => because.length >= 20)).toBe(true);
    },
    runWithinMs,
  );

  describe('with three faults planted', () => {
    const faults = [
      ['a dependency that is not pinned', 'supply-chain/dependencies-are-pinned', /express .*\^5\.3\.0/],
      ['a foreign key without an index', 'database/foreign-keys-are-indexed', /todo\.replies.*todo_id/],
      ['a route without authentication', 'http/every-endpoint-needs-a-key', /GET \/debug/],
    ] as const;
    let report: Report;

    beforeAll(async () => {
      edit('package.json', '"express": "5.3.0"', '"express": "^5.3.0"');
      edit('migrations/002-replies.sql', 'CREATE INDEX replies_todo_idx ON todo.replies (todo_id);', '');
      const debug = `{ method: 'GET', path: '/debug', open: true, handle: async () => ({ status: 200, body: pool.totalCount }) },`;
      edit('src/app.ts', 'const routes: Route[] = [', `const routes: Route[] = [${debug}`);
      report = await run(...faults.map(([, id]) => id));
    });

    test('it is NO-GO, for these three', () => {
      expect(report).toMatchObject({ verdict: 'NO-GO', exitCode: 1 });
      expect(report.results.map(({ outcome }) => outcome)).toEqual(['fail', 'fail', 'fail']);
    });

    test.for(faults)('%s is found', ([, id, message]) => {
      const found = report.results.find((result) => result.id === id)?.findings ?? [];
      expect(found.map((finding) => finding.message).join('\n')).toMatch(message);
    });
  });
});
