import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { headOf } from '../../io/tree.ts';
import { askBuild, type BuildAnswer, judgeBuilds } from './support/build-info.ts';
import { actAsBuild } from './support/replica-of-commit.ts';

interface Facts {
  url: string;
  commit: string;
  answers: BuildAnswer[];
}

const commit = '1'.repeat(40);
const good: Facts = {
  url: 'https://orders.example',
  commit,
  answers: [{ commit, configuration: 'abc', uptimeSeconds: 60 }],
};

export default defineGate<Facts>({
  id: 'deploy/target-runs-this-commit',
  severity: 'blocker',
  profile: 'release',
  needs: ['git', 'config:target', 'config:build'],
  covers: ['deployment.target.version', 'deployment.restarted'],
  unit: 'answers',
  why: 'A roll-out that stopped half-way, or a process that was not restarted, answers just as well: all that was judged is about another build.',
  fix: 'Roll the commit out again, to every replica, and restart what was not replaced.',
  source: 'https://cloud.google.com/deploy/docs/verify-deployment',

  async observe({ config, tree, signal }) {
    const target = partOf(config, 'target');
    const answers = await askBuild(config, target, signal);
    const head = await headOf(tree.root);
    return { examined: answers.length, facts: { url: target.url, commit: head.commit, answers } };
  },

  judge: ({ url, commit: wanted, answers }) => judgeBuilds(url, wanted, answers),

  samples: {
    good: [good],
    bad: [
      { ...good, answers: [...good.answers, { commit: '2'.repeat(40), configuration: 'abc', uptimeSeconds: 60 }] },
      { ...good, answers: [{ commit: null, configuration: 'abc', uptimeSeconds: 60 }] },
    ],
  },

  prepare: (sandbox) => actAsBuild(sandbox),

  /** Somebody commits, and does not roll out. */
  async sabotage(sandbox) {
    await sandbox.scratch.commit('a change that nobody has rolled out');
    return undefined;
  },
});
