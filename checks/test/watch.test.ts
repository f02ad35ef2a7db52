import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openTree } from '../src/io/tree.ts';
import { snapshot, watchTree } from '../src/io/watch-tree.ts';
import { repositoryRoot } from './support/look.ts';
import { createSmallRepository } from './support/small-repository.ts';
import { until } from './support/until.ts';

test('a change is one of the files that are released; what git ignores is none', async () => {
  const repository = await createSmallRepository({ 'src/a': 'a', '.gitignore': 'out\n' });
  onTestFinished(() => repository.close());
  const tree = openTree(repository.root);
  const before = await snapshot(tree);
  repository.write('src/out', 'built');
  expect(await snapshot(tree)).toBe(before);
  for (const change of [
    () => repository.write('src/a', 'edited'),
    () => repository.write('src/new', 'n'),
    () => repository.remove('src/a'),
  ]) {
    const earlier = await snapshot(tree);
    const changes = await watchTree(tree);
    const next = changes.next(new AbortController().signal);
    change();
    await next;
    changes.close();
    expect(await snapshot(tree)).not.toBe(earlier);
  }
});

test('an interruption ends the waiting', async () => {
  const repository = await createSmallRepository({ a: 'a' });
  onTestFinished(() => repository.close());
  const changes = await watchTree(openTree(repository.root));
  const interruption = new AbortController();
  const next = changes.next(interruption.signal);
  interruption.abort();
  await next;
  changes.close();
});

test('an edited gate is the one that looks next', async () => {
  const gate = (message: string) => `export const gates = [{
    id: 'team/notes', kind: 'gate', alone: false, severity: 'blocker', profile: 'static', needs: [], covers: [],
    unit: 'notes', why: 'Because.', fix: 'Write it.', source: 'https://example.com/',
    observe: async () => ({ examined: 1, facts: ['${message}'] }), judge: (facts) => facts.map((message) => ({ message })),
    samples: { good: [[]], bad: [['a']] }, sabotage: async () => undefined,
  }];\n`;
  const repository = await createSmallRepository({ 'gates.ts': gate('first'), 'preflight.config.ts': config });
  onTestFinished(() => repository.close());
  symlinkSync(join(repositoryRoot, 'node_modules'), join(repository.root, 'node_modules'));
  writeFileSync(join(repository.root, '.gitignore'), 'node_modules\n');
  await repository.commitAll('begin');
  const cli = join(repositoryRoot, 'checks', 'src', 'cli.ts');
  const child = spawn(process.execPath, [cli, 'watch', 'team/*', '--profile', 'static'], { cwd: repository.root });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('it looked', () => said.includes('first') && said.includes('waiting for a change'), 30_000);
  repository.write('gates.ts', gate('second'));
  await until('it looked again', () => said.includes('second'), 30_000);
  child.kill('SIGINT');
  expect(await exited).toEqual([0, null]);
});

const config = `export default {
  plugins: ['./gates.ts'],
  service: {
    start: ['true'], checkConfig: ['true'], environment: {}, variables: {}, liveness: '/', readiness: '/', publicRoutes: [],
  },
  database: {
    migrate: ['true'], applyNext: ['true'], revertLast: ['true'], migrations: '*.sql', seed: ['true'],
    credentials: () => ({ writers: [], operator: '' }), requiredIndexes: [], invariants: [],
  },
  code: { typeCheck: ['true'], production: ['*.ts'] },
};
`;
