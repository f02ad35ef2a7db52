import { type Config, partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { queryPrometheus } from '../../io/prometheus.ts';
import { type History, startPrometheus } from '../../sandbox/prometheus.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';
import { actAsTarget } from '../deploy/support/as-target.ts';

interface Facts {
  probes: {
    what: string;
    items: string[];
    /** What each of its series was when last asked, not more than five minutes ago. */
    values: number[];
  }[];
  /** Items of this gate that no probe names. */
  unprobed: string[];
}

const items = ['metrics.processing-probed', 'metrics.processes'];

export default defineGate<Facts>({
  id: 'metrics/health-is-probed',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target', 'config:monitoring'],
  resources: ['the past of the target'],
  covers: [...items, 'alerts.active-on-target', 'db.provisioned'],
  unit: 'probes',
  why: 'A process that is down tells nobody: only a question from outside, asked all the time, notices.',
  fix: 'Let blackbox_exporter ask the health of each part (deploy/prometheus), and see why what is down is down.',
  source: 'https://github.com/prometheus/blackbox_exporter',

  async observe({ config, signal }) {
    const { prometheus } = partOf(config, 'target');
    if (prometheus === undefined)
      throw new Error('the target names no Prometheus: nobody probes it as far as is known');
    const { probes } = partOf(config, 'monitoring');
    const seen: Facts['probes'] = [];
    for (const { what, selector, items: asked } of probes) {
      const values = (await queryPrometheus(prometheus, selector, signal)).map(({ value }) => value);
      seen.push({ what, items: asked, values });
    }
    const unprobed = items.filter((item) => !probes.some((probe) => probe.items.includes(item)));
    return { examined: seen.length, facts: { probes: seen, unprobed } };
  },

  judge: ({ probes, unprobed }) => [
    ...probes
      .filter(({ values }) => values.length === 0)
      .map(({ what }) => ({ message: `nobody has probed ${what} for five minutes`, identity: `unprobed ${what}` })),
    ...probes
      .filter(({ values }) => values.some((value) => value !== 1))
      .map(({ what, values }) => ({
        message: `${what} is down: ${values.filter((value) => value !== 1).length} of ${values.length} probes fail`,
        identity: `down ${what}`,
      })),
    ...unprobed.map((item) => ({
      message: `no probe answers ${item}`,
      identity: item,
      fix: `Name in monitoring.probes what asks for it: { …, items: ['${item}'] }.`,
    })),
  ],

  samples: {
    good: [{ probes: [{ what: 'the database', items, values: [1, 1] }], unprobed: [] }],
    bad: [
      { probes: [{ what: 'the database', items, values: [] }], unprobed: [] },
      { probes: [{ what: 'the database', items, values: [1, 0] }], unprobed: [] },
      { probes: [{ what: 'the database', items, values: [1] }], unprobed: ['metrics.processes'] },
    ],
  },

  prepare: (sandbox) => probed(sandbox, 1),

  /** What was asked last was not answered. */
  async sabotage(sandbox) {
    const target = partOf(sandbox.config, 'target');
    const undo = await probed(sandbox, 0);
    return async () => {
      await undo();
      sandbox.config.target = target;
    };
  },
});

/** A Prometheus that has just probed everything, and what came of it. */
async function probed(sandbox: Sandbox, value: 0 | 1): Promise<Undo> {
  const { config } = sandbox;
  const described = config.monitoring;
  const own: NonNullable<Config['monitoring']> = {
    series: 'job="preflight"',
    probes: [{ what: 'the service', selector: 'preflight_probe', items }],
  };
  const history: History = { metric: 'preflight_probe', labels: {}, at: () => value };
  const prometheus = await startPrometheus(sandbox, { history: { series: [history], samples: 20, everySeconds: 15 } });
  config.monitoring = own;
  const back = actAsTarget(sandbox, { prometheus: prometheus.url });
  return async () => {
    await back();
    if (described) config.monitoring = described;
    else delete config.monitoring;
    await prometheus.close();
  };
}
