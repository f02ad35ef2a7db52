import { join } from 'node:path';
import { type Config, parseConfig } from '../../src/config.ts';
import type { Cache } from '../../src/engine/cache.ts';
import type { Check } from '../../src/engine/gate.ts';
import type { CheckResult } from '../../src/engine/report.ts';
import { runChecks } from '../../src/engine/run.ts';
import { findTools, type Tools } from '../../src/io/tools.ts';
import { openTree } from '../../src/io/tree.ts';
import { plainGitEnvironment } from './small-repository.ts';

export const repositoryRoot = join(import.meta.dirname, '..', '..', '..');

/** The least that a `preflight.config.ts` has to say. */
export const smallestConfig = {
  service: {
    start: ['node', 'main.js'],
    checkConfig: ['node', 'main.js', '--check-config'],
    environment: {},
    variables: {},
    liveness: '/health',
    readiness: '/ready',
    publicRoutes: [],
  },
  database: {
    migrate: ['true'],
    applyNext: ['true'],
    revertLast: ['true'],
    migrations: 'migrations/*.sql',
    seed: ['true'],
    credentials: () => ({ writers: [], operator: '' }),
    requiredIndexes: [],
    invariants: [],
  },
  code: { typeCheck: ['true'], production: ['**/*.ts'] },
};

/** Runs one check that needs no stack on a tree, as the engine does, with the tools of this repository or with others. */
export async function lookAt(
  check: Check,
  root: string,
  config: Partial<Config> = {},
  tools: Tools = findTools(repositoryRoot),
  cache?: Cache,
): Promise<CheckResult> {
  const environment = { ...plainGitEnvironment, PATH: tools.environment.PATH };
  const [result] = await runChecks({
    checks: [check],
    config: { ...parseConfig(smallestConfig), ...config },
    tree: openTree(root),
    tools: { ...tools, environment },
    openSandbox: () => Promise.reject(new Error('there is no sandbox here')),
    concurrency: 1,
    timeoutFactor: 1,
    signal: new AbortController().signal,
    cache,
    watcher: { started: () => undefined, progress: () => undefined, finished: () => undefined },
  });
  if (!result) throw new Error(`${check.id} gave no result`);
  return result;
}
