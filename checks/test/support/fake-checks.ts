import { type Config, parseConfig } from '../../src/config.ts';
import { type Check, type Drill, defineDrill, defineGate, type Gate } from '../../src/engine/gate.ts';
import type { CheckResult } from '../../src/engine/report.ts';
import { type RunOptions, runChecks } from '../../src/engine/run.ts';
import type { Tools } from '../../src/io/tools.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { smallestConfig } from './look.ts';

const statement = {
  severity: 'blocker',
  profile: 'static',
  needs: [],
  covers: [],
  unit: 'things',
  why: 'It matters.',
  fix: 'Mend it.',
  source: 'https://example.com/',
  samples: { good: [], bad: [] },
  sabotage: async () => undefined,
} as const;

/** A gate that looked at one thing and is content, unless the change says otherwise. */
export function fakeGate(id: string, change: Partial<Gate<string[]>> = {}): Gate<string[]> {
  return defineGate<string[]>({
    ...statement,
    id,
    observe: async () => ({ examined: 1, facts: [] }),
    judge: (messages) => messages.map((message) => ({ message })),
    ...change,
  });
}

/** A drill whose fault struck while one request was in flight, and that found nothing. */
export function fakeDrill(id: string, change: Partial<Drill<{ wrong: string[] }>> = {}): Drill<{ wrong: string[] }> {
  return defineDrill<{ wrong: string[] }>({
    ...statement,
    id,
    needs: ['sandbox'],
    steadyState: async () => undefined,
    strike: async () => ({ examined: 1, facts: { wrong: [] }, struckInFlight: 1 }),
    undo: async () => undefined,
    judge: ({ wrong }) => wrong.map((message) => ({ message })),
    ...change,
  });
}

/** A stack that is only a name. */
export function fakeSandbox(change: Partial<Sandbox> = {}): Sandbox {
  return { name: 'a fake', safeToBreak: true, ...change } as Sandbox;
}

/** Of which none can be run. */
export const everyTool: Tools = {
  find: (name) => `/nowhere/${name}`,
  path: (name) => `/nowhere/${name}`,
  version: async () => '1.0',
  environment: {},
};

/** Runs checks on no tree, with every tool there and with a stack that is only a name. */
export function runFakes(checks: readonly Check[], change: Partial<RunOptions> = {}): Promise<CheckResult[]> {
  return runChecks({
    checks,
    config: parseConfig(smallestConfig) as Config,
    tree: { root: '/', files: async () => [], read: async () => '' },
    tools: everyTool,
    openSandbox: async () => fakeSandbox(),
    concurrency: 4,
    timeoutFactor: 1,
    signal: new AbortController().signal,
    watcher: { started: () => undefined, progress: () => undefined, finished: () => undefined },
    ...change,
  });
}

/** The single result of a single check. */
export async function runFake(check: Check, change: Partial<RunOptions> = {}): Promise<CheckResult> {
  const [result] = await runFakes([check], change);
  if (!result) throw new Error(`${check.id} gave no result`);
  return result;
}
