import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { actAsTarget } from './support/as-target.ts';
import { refuseWrites } from './support/refuse-writes.ts';
import { judgeSmokeSuite, type SmokeFacts, smokeSamples, walkSmokeSuite } from './support/smoke.ts';

export default defineGate<SmokeFacts>({
  id: 'deploy/smoke-tests-pass',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target', 'config:smoke'],
  covers: [
    ...['deployment.endpoint-by-hand', 'deployment.smoke', 'deployment.smoke.access', 'deployment.smoke.endpoints'],
    ...['deployment.smoke.execution', 'deployment.smoke.portfolio', 'deployment.smoke.trading'],
    ...['runbooks.failover-validation', 'schedule.cycle.healthy', 'audit.operational', 'workers.run'],
  ],
  unit: 'steps',
  why: 'What worked where it was built may be without a route, a key, a quote or a migration where it was put.',
  fix: 'Roll back, unless the named step can be mended at once; then read the log of that request by its id.',
  source: 'https://martinfowler.com/bliki/BroadStackTest.html',
  timeoutMs: 120_000,

  async observe({ config, signal }) {
    const { url, keys } = partOf(config, 'target');
    const facts = await walkSmokeSuite(config, url, keys, signal);
    return { examined: facts.steps.length, facts };
  },

  judge: judgeSmokeSuite,
  samples: smokeSamples,
  prepare: async (sandbox) => actAsTarget(sandbox),
  sabotage: refuseWrites,
});
