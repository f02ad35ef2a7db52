import { defineGate } from '../../engine/gate.ts';
import { processorKeyOf } from './support/as-target.ts';
import { refuseWrites } from './support/refuse-writes.ts';
import { judgeSmokeSuite, type SmokeFacts, smokeSamples, walkSmokeSuite } from './support/smoke.ts';

export default defineGate<SmokeFacts>({
  id: 'deploy/smoke-suite-passes',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:smoke'],
  reliesOn: ['quotes'],
  covers: ['deployment.end-to-end'],
  unit: 'steps',
  why: 'A suite that is first run after a deployment is debugged on customers. And each part may work while the way from an order to its fill does not.',
  fix: 'Repeat the named step by hand (npx preflight sandbox), and read the log of that request by its id.',
  source: 'https://martinfowler.com/bliki/BroadStackTest.html',

  async observe({ config, sandbox, signal }) {
    const { writers, operator } = sandbox.credentials;
    const keys = { writer: writers[0], operator, processor: processorKeyOf(sandbox) };
    const facts = await walkSmokeSuite(config, sandbox.url, keys, signal);
    return { examined: facts.steps.length, facts };
  },

  judge: judgeSmokeSuite,
  samples: smokeSamples,
  sabotage: refuseWrites,
});
