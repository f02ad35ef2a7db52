import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { execOrThrow } from '../../io/exec.ts';
import { send } from '../../io/http.ts';
import { attemptWrite } from '../../io/writes.ts';
import type { Replica } from '../../sandbox/sandbox.ts';
import { checkOutEarlier } from '../../sandbox/scratch-tree.ts';

interface Facts {
  plan: string;
  /** What the page should say, and does not. */
  missing: string[];
  from: string;
  to: string;
  withinSeconds: number;
  /** From its start until it had done everything below. */
  tookSeconds: number;
  steps: { name: string; wrong: string | null }[];
}

/** What somebody in a hurry looks for on the page, by its headings. */
const wantedSections: readonly [string, RegExp][] = [
  ['when to go back', /^#+ .*\b(when|decide|reason|criteria)/im],
  ['the steps', /^#+ .*\b(steps?|procedure|how to (go|roll) back)\b/im],
  ['what becomes of migrations', /^#+ .*\b(migrations?|schema|database)\b/im],
  ['how to know that it is over', /^#+ .*\b(over|verif\w+|check\w*|done)\b/im],
];
const command = /^(?:```|~~~|(?: {4,}|\t)\S)/m;

const good: Facts = {
  ...{ plan: 'ROLLBACK.md', missing: [], from: '1'.repeat(40), to: '2'.repeat(40) },
  ...{ withinSeconds: 300, tookSeconds: 3, steps: [{ name: 'the earlier build starts', wrong: null }] },
};

export default defineGate<Facts>({
  id: 'deploy/rollback-works',
  severity: 'blocker',
  profile: 'commit',
  needs: ['git', 'service', 'sandbox', 'config:write', 'config:rollback'],
  alone: true,
  timeoutMs: 60_000,
  covers: ['deployment.rollback-plan', 'deployment.rollback-time', 'deployment.rollback-tested'],
  unit: 'steps',
  why: 'The way back is taken in a hurry. If the release before cannot live with the schema of now, or does not know the orders of now, there is none.',
  fix: 'Expand the schema in one release and contract it in the next; let the earlier build start on what this one leaves.',
  source: 'https://martinfowler.com/bliki/ParallelChange.html',

  async observe(context) {
    const { plan, to, withinSeconds } = partOf(context.config, 'rollback');
    const { tree, exec } = context;
    const missing = gapsOf(await tree.read(plan));
    const [here, earlier] = await Promise.all(['HEAD', to].map((name) => commitOf(context, name)));
    if (here === undefined || earlier === undefined) throw new Error(`there is no commit ${to}: nothing to go back to`);
    const root = join(context.sandbox.directory, `earlier-${randomUUID()}`);
    await checkOutEarlier(tree, root, earlier);
    try {
      const startedAt = performance.now();
      const steps = await goBack(context, root);
      const tookSeconds = Math.round((performance.now() - startedAt) / 100) / 10;
      const facts = { plan, missing, from: here, to: earlier, withinSeconds, tookSeconds, steps };
      return { examined: steps.length, facts };
    } finally {
      await exec('rm', ['-rf', '--', root]);
    }
  },

  judge: ({ plan, missing, to, withinSeconds, tookSeconds, steps }) => [
    ...missing.map((what) => ({ message: `does not say ${what}`, file: plan, fix: `Add a section on ${what}.` })),
    ...steps.flatMap(({ name, wrong }) =>
      wrong === null ? [] : [{ message: `back at ${to.slice(0, 12)}, ${name}: ${wrong}`, identity: name }],
    ),
    ...(tookSeconds > withinSeconds
      ? [{ message: `it took ${tookSeconds} s: ${withinSeconds} are the most`, identity: 'time' }]
      : []),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, missing: ['the steps'] },
      { ...good, steps: [{ name: 'the earlier build starts', wrong: 'it ended before it answered' }] },
      { ...good, tookSeconds: 301 },
    ],
  },

  /** The build of before does not start any more. */
  async sabotage({ config, scratch }) {
    const tracked = new Set(await scratch.files());
    const file = config.service.start.findLast((word) => tracked.has(word.replace(/^\.\//, '')));
    if (file === undefined) throw new Error('service.start names no file of the tree');
    const text = await scratch.read(file);
    await scratch.write(file, 'process.exit(1);\n');
    await scratch.commit('the release of before');
    await scratch.write(file, text);
    await scratch.commit('the release of now');
    const { rollback } = config;
    if (rollback) config.rollback = { ...rollback, to: 'HEAD~1' };
    return async () => {
      if (rollback) config.rollback = rollback;
    };
  },
});

function gapsOf(page: string): string[] {
  const missing = wantedSections.filter(([, heading]) => !heading.test(page)).map(([what]) => what);
  return command.test(page) ? missing : [...missing, 'which commands to type'];
}

async function commitOf({ tree }: Context, name: string): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--end-of-options', `${name}^{commit}`];
  return (await execOrThrow('git', args, { cwd: tree.root })).stdout.trim() || undefined;
}

/** This build writes, the earlier one takes over on the same database, and this one finds what it did. */
async function goBack(context: Context, root: string): Promise<Facts['steps']> {
  const { config, sandbox, signal } = context;
  const steps: Facts['steps'] = [];
  const note = (name: string, wrong: string | null) => steps.push({ name, wrong });
  const writeAt = (url: string, idempotencyKey: string) => {
    const { databaseUrl, credentials } = sandbox;
    return attemptWrite({ config, signal, target: { url, databaseUrl, credentials } }, { idempotencyKey, writer: 0 });
  };
  const [ours, theirs] = [randomUUID(), randomUUID()];
  const before = await writeAt(sandbox.url, ours);
  note('this build writes', before.accepted ? null : `it answered ${before.status}`);
  let earlier: Replica;
  try {
    earlier = await sandbox.startReplica({}, { root });
  } catch (error) {
    note('the earlier build starts', (error as Error).message.split('\n')[0] ?? 'it did not');
    return steps;
  }
  try {
    note('the earlier build starts', null);
    const { status } = await send(earlier.url, { method: 'GET', path: config.service.readiness }, { signal });
    note('the earlier build is ready', status === 200 ? null : `it answered ${status}`);
    const again = await writeAt(earlier.url, ours);
    note('a write of this build is known', again.id === before.id ? null : `a replay answered ${again.status}`);
    const own = await writeAt(earlier.url, theirs);
    note('the earlier build writes', own.accepted ? null : `it answered ${own.status}`);
    const forward = await writeAt(sandbox.url, theirs);
    note('a write of the earlier build is known', forward.id === own.id ? null : `a replay answered ${forward.status}`);
  } finally {
    await earlier.close();
  }
  return steps;
}
