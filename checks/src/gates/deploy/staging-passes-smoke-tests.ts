import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { actAsTarget } from './support/as-target.ts';
import { refuseWrites } from './support/refuse-writes.ts';
import { judgeSmokeSuite, type SmokeFacts, smokeSamples, walkSmokeSuite } from './support/smoke.ts';

export default defineGate<SmokeFacts>({
  id: 'deploy/staging-passes-smoke-tests',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:staging', 'config:smoke'],
  covers: ['deployment.smoke.orders'],
  unit: 'steps',
  why: 'Staging is the last place where an order that goes wrong is nobody’s.',
  fix: 'Mend what the named step shows, on staging, before the same build goes further.',
  source: 'https://martinfowler.com/bliki/BroadStackTest.html',
  timeoutMs: 120_000,

  async observe({ config, signal }) {
    const { url, keys } = partOf(config, 'staging');
    const facts = await walkSmokeSuite(config, url, keys, signal);
    return { examined: facts.steps.length, facts };
  },

  judge: judgeSmokeSuite,
  samples: smokeSamples,
  prepare: async (sandbox) => actAsTarget(sandbox, {}, 'staging'),
  sabotage: refuseWrites,
});
