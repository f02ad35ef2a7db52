import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import {
  askBuild,
  askConfiguration,
  type Configured,
  judgeConfiguration,
  requiredVariables,
} from './support/build-info.ts';
import { actAsBuild } from './support/replica-of-commit.ts';

interface Facts {
  configured: Configured;
  required: string[];
  /** The fingerprint of the settings of each process that answered. */
  running: (string | null)[];
}

const good: Facts = {
  configured: { exitCode: 0, faults: [], set: ['DATABASE_URL', 'API_KEY'], fingerprint: 'abc' },
  required: ['DATABASE_URL', 'API_KEY'],
  running: ['abc', 'abc'],
};

export default defineGate<Facts>({
  id: 'deploy/target-is-configured',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target', 'config:build'],
  covers: ['deployment.target.configured'],
  unit: 'answers',
  why: 'A variable that is missing where it counts, or that was changed without a restart, shows when the first order needs it.',
  fix: 'Set the variable where the target’s service gets its environment from, restart it, and run the target’s checkConfig again.',
  source: 'https://12factor.net/config',
  timeoutMs: 90_000,

  async observe({ config, exec, signal }) {
    const target = partOf(config, 'target');
    const configured = await askConfiguration(target, exec);
    const answers = await askBuild(config, target, signal);
    const running = answers.map(({ configuration }) => configuration);
    return { examined: answers.length, facts: { configured, required: requiredVariables(config), running } };
  },

  judge: ({ configured, required, running }) => judgeConfiguration(configured, required, running),

  samples: {
    good: [good],
    bad: [
      { ...good, configured: { exitCode: 78, faults: ['API_KEY: is too short'], set: [], fingerprint: null } },
      { ...good, configured: { ...good.configured, set: ['DATABASE_URL'] } },
      { ...good, running: ['abc', 'def'] },
      { ...good, running: [null, null] },
      { ...good, configured: { ...good.configured, fingerprint: null } },
    ],
  },

  prepare: (sandbox) => actAsBuild(sandbox),

  /** The first variable that the service cannot do without is taken from the target. */
  async sabotage(sandbox) {
    const [name] = requiredVariables(sandbox.config);
    const target = partOf(sandbox.config, 'target');
    if (name === undefined) throw new Error('service.variables names none that is required');
    const { checkConfig = [] } = target;
    sandbox.config.target = { ...target, checkConfig: checkConfig.filter((word) => !word.startsWith(`${name}=`)) };
    return undefined;
  },
});
