import { z } from 'zod';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import { type Job, type Permissions, parseWorkflow, type Workflow } from './workflow.ts';

interface Complaint {
  message: string;
  file: string;
  line: number;
}

interface Facts {
  workflows: Workflow[];
  /** What actionlint says. */
  complaints: Complaint[];
  /** Whether actionlint could have the scripts of the steps checked too. */
  shellcheck: boolean;
}

export default defineGate<Facts>({
  id: 'ci/workflows-are-valid',
  severity: 'blocker',
  profile: 'static',
  needs: ['config:workflows', 'actionlint'],
  files: ({ workflows = [] }) => [...workflows, '.github/**'],
  covers: ['ci.workflows.valid', 'ci.deployment.gated'],
  unit: 'workflows',
  why: 'A workflow is code with the keys to production: a moved tag, a broad token or a skipped check releases what nobody judged.',
  fix: 'Mend the workflow at the named line.',
  source: 'https://docs.github.com/en/actions/reference/security/secure-use',

  async observe(context) {
    const files = await context.tree.files(...(context.config.workflows ?? []));
    const [texts, complaints] = await Promise.all([
      Promise.all(files.map(async (file) => [file, await context.tree.read(file)] as const)),
      files.length > 0 ? lint(context, files) : [],
    ]);
    const workflows = texts.map(([file, text]) => parseWorkflow(file, text));
    return {
      examined: workflows.length,
      facts: { workflows, complaints, shellcheck: context.tools.find('shellcheck') !== undefined },
    };
  },

  judge: ({ workflows, complaints }) => [
    ...complaints.map(({ message, file, line }) => ({ message, file, line, fix: 'Do what actionlint says.' })),
    ...workflows.flatMap(judgeWorkflow),
  ],

  samples: {
    good: [facts({}), facts({ jobs: [aggregator(), deployment()] })],
    bad: [
      { ...facts({}), complaints: [{ message: 'unknown key', file: 'ci.yml', line: 3 }] },
      facts({ broken: { line: 2, message: 'a tab' } }),
      facts({ permissions: null }),
      facts({ permissions: 'write-all' }),
      facts({ permissions: { contents: 'write' } }),
      facts({ jobs: [sampleJob({ permissions: 'write-all' })] }),
      facts({ jobs: [sampleJob({ hasTimeout: false })] }),
      facts({ jobs: [sampleJob({ actions: [{ uses: 'actions/checkout@v4', line: 9 }] })] }),
      facts({ jobs: [sampleJob({ actions: [{ uses: 'docker://alpine:3', line: 9 }] })] }),
      facts({
        triggers: ['pull_request_target'],
        jobs: [sampleJob({ checkouts: [{ ref: '${' + '{ github.event.pull_request.head.sha }}', line: 9 }] })],
      }),
      facts({ jobs: [deployment({ needs: [] })] }),
      facts({ jobs: [sampleJob({ id: 'gate' }), deployment()] }),
      facts({ jobs: [aggregator({ readsResults: false }), deployment()] }),
      facts({ jobs: [aggregator({ maySucceedByFailing: true }), deployment()] }),
      facts({ jobs: [aggregator(), deployment({ condition: 'always()' })] }),
      facts({ jobs: [aggregator({ needs: [] }), sampleJob({ id: 'test' }), deployment()] }),
    ],
  },

  async sabotage({ scratch, config }) {
    const [file] = await scratch.files(...(config.workflows ?? []));
    if (file === undefined) throw new Error('preflight.config.ts names no workflow that exists');
    await scratch.write(file, planted);
    return undefined;
  },
});

/** An action by a tag that can be moved, a token that may write, and no end. */
const planted = `on: push
permissions: write-all
jobs:
  planted:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
`;

const lintReport = z.array(z.object({ message: z.string(), filepath: z.string(), line: z.int() }));

/** One process for all files. Exit code 1 says that it found something; any other one but 0, that it could not look. */
async function lint({ exec, tools }: Context, files: readonly string[]): Promise<Complaint[]> {
  const result = await exec(tools.path('actionlint'), ['-format', '{{json .}}', ...files]);
  if (result.timedOut || result.code > 1)
    throw new Error(`actionlint ended with exit code ${result.code}: ${lastLines(result)}`);
  const complaints = lintReport.parse(JSON.parse(result.stdout));
  if (complaints.length > 0 !== (result.code === 1))
    throw new Error(`actionlint ended with exit code ${result.code} and ${complaints.length} complaints`);
  return complaints.map(({ message, filepath, line }) => ({ message, file: filepath, line: Math.max(line, 1) }));
}

function judgeWorkflow(workflow: Workflow): Finding[] {
  const { file, broken } = workflow;
  if (broken) return [{ file, line: broken.line, message: `is no workflow: ${broken.message}` }];
  return [
    ...judgeToken(workflow),
    ...workflow.jobs.flatMap((job) =>
      [
        ...judgeLimits(job),
        ...judgeActions(job),
        ...judgeCheckout(job, workflow),
        ...judgeDeployment(job, workflow.jobs),
      ].map((finding) => ({ file, ...finding })),
    ),
  ];
}

function judgeToken({ file, permissions }: Workflow): Finding[] {
  const fix =
    'At the top of the workflow: permissions: { contents: read }. A job that has to write asks for that one permission itself.';
  if (permissions === null)
    return [{ file, message: "the workflow sets no permissions: its token has the repository's default", fix }];
  const written = mayWrite(permissions);
  if (written.length === 0) return [];
  return [{ file, message: `the token of every job of the workflow may write: ${written.join(', ')}`, fix }];
}

function mayWrite(permissions: Permissions): string[] {
  if (typeof permissions === 'string') return permissions === 'read-all' ? [] : [permissions];
  return Object.keys(permissions).filter((name) => permissions[name] !== 'read' && permissions[name] !== 'none');
}

function judgeLimits({ id, line, hasTimeout, isCall, permissions }: Job): Finding[] {
  const findings: Finding[] = [];
  if (!hasTimeout && !isCall) {
    const fix = `jobs.${id}: timeout-minutes: 15 (or what it really takes, doubled). Without it a job that hangs runs for six hours.`;
    findings.push({ line, message: `job ${id} has no timeout-minutes`, fix });
  }
  if (permissions === 'write-all') {
    const fix = `jobs.${id}: permissions: name each that it has to write.`;
    findings.push({ line, message: `the token of job ${id} may write everything`, fix });
  }
  return findings;
}

function judgeActions({ actions }: Job): Finding[] {
  return actions
    .filter(({ uses }) => !isPinned(uses))
    .map(({ uses, line }) => ({
      line,
      message: `${uses} can change under us: a tag or branch is moved by whoever has the repository`,
      identity: `pin ${uses}`,
      fix: uses.startsWith('docker://')
        ? 'Name the image by its digest: docker://image@sha256:…'
        : `Pin the commit, and note the version beside it: ${uses.split('@')[0]}@<40 hex digits> # ${uses.split('@')[1] ?? 'v1.2.3'}`,
    }));
}

function isPinned(uses: string): boolean {
  if (uses.startsWith('./')) return true;
  return uses.startsWith('docker://') ? /@sha256:[0-9a-f]{64}$/.test(uses) : /@[0-9a-f]{40}$/.test(uses);
}

/** These run with the repository's own secrets, for whoever opens a pull request. */
const privilegedTriggers = ['pull_request_target', 'workflow_run'];
const foreignCode = /head_ref|pull_request\.head|workflow_run\.head|refs\/pull\//;

function judgeCheckout({ checkouts }: Job, { triggers }: Workflow): Finding[] {
  const trigger = triggers.find((name) => privilegedTriggers.includes(name));
  if (trigger === undefined) return [];
  return checkouts
    .filter(({ ref }) => foreignCode.test(ref))
    .map(({ ref, line }) => ({
      line,
      message: `on ${trigger} the code of anybody's pull request is checked out where the secrets are`,
      identity: `checkout ${ref}`,
      fix: 'Build pull requests on pull_request, without secrets; check out only the base where there are some.',
    }));
}

/**
 * A job that is skipped counts as passed for whoever asks GitHub, so one job that always runs has to look at the results
 * of all the others, and the deployment waits for its yes.
 */
function judgeDeployment(job: Job, jobs: readonly Job[]): Finding[] {
  if (!job.deploys) return [];
  const { id, line, condition } = job;
  const gates = jobs.filter((other) => job.needs.includes(other.id) && runsAlways(other));
  const wrong = (message: string, fix: string): Finding[] => [{ line, message, identity: `deployment ${id}`, fix }];
  const [gate] = gates.filter(({ readsResults, maySucceedByFailing }) => readsResults && !maySucceedByFailing);
  if (!gate) {
    return wrong(
      `deployment ${id} waits for no job that always runs and reads the results of the others`,
      `Add a job gate with if: always(), needs: all others, and a step that fails unless every needs.*.result is success; jobs.${id}: needs: [gate].`,
    );
  }
  if (runsAlways(job) && !new RegExp(`needs\\.${gate.id}\\.result\\s*==\\s*'success'`).test(condition))
    return wrong(
      `deployment ${id} runs whatever became of ${gate.id}`,
      `jobs.${id}: if: needs.${gate.id}.result == 'success'`,
    );
  const unseen = jobs.filter(
    (other) => other !== job && other !== gate && !other.deploys && !waitsFor(gate, other.id, jobs),
  );
  if (unseen.length === 0) return [];
  const names = unseen.map((other) => other.id).join(', ');
  return wrong(
    `${gate.id} lets ${id} go without a look at ${names}`,
    `jobs.${gate.id}: needs: all jobs before the deployment, ${names} too.`,
  );
}

function runsAlways({ condition }: Job): boolean {
  return /\balways\(\)|!\s*cancelled\(\)|\bfailure\(\)/.test(condition);
}

/** Only what a job needs itself is in its `needs` context; what is behind that is not. A job after the deployment need not be seen. */
function waitsFor(gate: Job, id: string, jobs: readonly Job[]): boolean {
  if (gate.needs.includes(id)) return true;
  const after = jobs.find((other) => other.id === id);
  return after?.needs.some((need) => jobs.some((other) => other.id === need && other.deploys)) ?? false;
}

function facts(change: Partial<Workflow>): Facts {
  const workflow = { file: 'ci.yml', triggers: ['push'], permissions: { contents: 'read' }, jobs: [sampleJob({})] };
  return { workflows: [{ ...workflow, ...change }], complaints: [], shellcheck: true };
}

function sampleJob(change: Partial<Job>): Job {
  return {
    ...{ id: 'test', line: 5, needs: [], condition: '', hasTimeout: true, isCall: false, permissions: null },
    ...{ deploys: false, readsResults: false, maySucceedByFailing: false, checkouts: [] },
    actions: [{ uses: `actions/checkout@${'0'.repeat(40)}`, line: 9 }],
    ...change,
  };
}

function aggregator(change: Partial<Job> = {}): Job {
  return sampleJob({ id: 'gate', condition: 'always()', readsResults: true, ...change });
}

function deployment(change: Partial<Job> = {}): Job {
  return sampleJob({ id: 'deploy', needs: ['gate'], deploys: true, ...change });
}
