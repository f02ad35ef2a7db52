import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { headOf } from '../../io/tree.ts';
import {
  askBuild,
  askConfiguration,
  type BuildAnswer,
  type Configured,
  judgeBuilds,
  judgeConfiguration,
  requiredVariables,
} from './support/build-info.ts';
import { actAsBuild } from './support/replica-of-commit.ts';

interface Facts {
  url: string;
  commit: string;
  answers: BuildAnswer[];
  configured: Configured;
  required: string[];
}

const commit = '1'.repeat(40);
const good: Facts = {
  ...{ url: 'https://staging.example', commit, required: ['API_KEY'] },
  answers: [{ commit, configuration: 'abc', uptimeSeconds: 60 }],
  configured: { exitCode: 0, faults: [], set: ['API_KEY'], fingerprint: 'abc' },
};

export default defineGate<Facts>({
  id: 'deploy/staging-runs-this-commit',
  severity: 'blocker',
  profile: 'release',
  needs: ['git', 'config:staging', 'config:build'],
  covers: ['deployment.staging', 'deployment.staging.configured'],
  unit: 'answers',
  why: 'What was tried on staging says something of this release only when it was this release that was tried, with keys of its own.',
  fix: 'Roll this commit out to staging, with its own keys, and try there what is to be tried.',
  source: 'https://12factor.net/dev-prod-parity',
  timeoutMs: 90_000,

  async observe({ config, tree, exec, signal }) {
    const staging = partOf(config, 'staging');
    const [answers, head] = [await askBuild(config, staging, signal), await headOf(tree.root)];
    const configured = await askConfiguration(staging, exec);
    const required = requiredVariables(config);
    const facts = { url: staging.url, commit: head.commit, answers, configured, required };
    return { examined: answers.length, facts };
  },

  judge: ({ url, commit: wanted, answers, configured, required }) => [
    ...judgeBuilds(url, wanted, answers),
    ...judgeConfiguration(
      configured,
      required,
      answers.map(({ configuration }) => configuration),
    ),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, commit: '2'.repeat(40) },
      { ...good, configured: { ...good.configured, set: [] } },
      { ...good, configured: { ...good.configured, fingerprint: 'def' } },
    ],
  },

  prepare: (sandbox) => actAsBuild(sandbox, 'staging'),

  /** Staging is a commit behind. */
  async sabotage(sandbox) {
    await sandbox.scratch.commit('a change that staging has not seen');
    return undefined;
  },
});
