import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: readonly string[];
  readonly if?: string;
  readonly 'timeout-minutes'?: number;
  readonly environment?: string;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions: unknown;
  readonly concurrency: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const directory = new URL('workflows/', import.meta.url);
const files = readdirSync(directory);
const textOf = (file: string): string => readFileSync(new URL(file, directory), 'utf8');
const workflowOf = (file: string): Workflow => parse(textOf(file)) as Workflow;

test('the deploy job cannot start unless the gate succeeded, and the gate runs whatever happened before it', () => {
  const { deploy, gate, ...others } = workflowOf('release.yml').jobs;
  expect(deploy).toMatchObject({ needs: ['gate'], if: "needs.gate.result == 'success'", environment: 'production' });
  expect(gate?.if).toBe('always()');
  // The gate waits for every other job: one that it did not know could fail unseen.
  expect(gate?.needs).toEqual(Object.keys(others));
  expect(Object.keys(others)).toEqual(['preflight']);
  // A step that may fail must not be the one that decides.
  expect(gate?.steps.at(-1)).toMatchObject({ env: { NEEDS: expect.stringContaining('toJSON(needs)') } });
  expect(gate?.steps.at(-1)).not.toHaveProperty('continue-on-error');
  expect(gate?.steps.at(-1)).not.toHaveProperty('if');
});

test('a release is judged at length, from a clone that was set up as root: what needs either is not left out', () => {
  const commands = (workflowOf('release.yml').jobs.preflight?.steps ?? []).flatMap(({ run }) => run ?? []);
  const judging = commands.filter((command) => command.includes('preflight run'));
  expect(judging).toEqual([
    expect.stringMatching(/^sudo env "PATH=\$PATH" npx preflight run --profile commit --long /),
  ]);
  expect(commands).toContain('sudo env "PATH=$PATH" make setup');
});

test.each(files)('%s reads the repository and no more, and every job ends by itself', (file) => {
  const workflow = workflowOf(file);
  expect(workflow.permissions).toEqual({ contents: 'read' });
  expect(workflow.concurrency).toBeDefined();
  for (const job of Object.values(workflow.jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0);
});

test.each(files)('%s pins every action by commit, with its version beside it', (file) => {
  const uses = textOf(file)
    .split('\n')
    .filter((line) => /^\s*(- )?uses:/.test(line));
  expect(uses.length).toBeGreaterThan(0);
  for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test.each(files)('%s leaves no token behind after a checkout', (file) => {
  const steps = Object.values(workflowOf(file).jobs).flatMap((job) => job.steps);
  const checkouts = steps.filter((step) => step.uses?.startsWith('actions/checkout@'));
  expect(checkouts.length).toBeGreaterThan(0);
  for (const step of checkouts) expect(step.with?.['persist-credentials']).toBe(false);
});
