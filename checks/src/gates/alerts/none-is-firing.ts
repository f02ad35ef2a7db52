import { join } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { queryPrometheus } from '../../io/prometheus.ts';
import { type History, startPrometheus } from '../../sandbox/prometheus.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';
import { readLoaded } from './support/loaded-rules.ts';
import { ruleFilesOf } from './support/rules.ts';

type Labels = Record<string, string>;

interface Facts {
  /** Each alert that fired in the last `hours`, by its labels. */
  fired: Labels[];
  hours: number;
  /** None that has all labels of one of these may be among them. */
  quiet: Labels[];
}

const good: Facts = {
  fired: [{ alertname: 'DiskFull', severity: 'warning' }],
  ...{ hours: 4, quiet: [{ severity: 'critical' }, { category: 'security' }] },
};

export default defineGate<Facts>({
  id: 'alerts/none-is-firing',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:alerts', 'config:prometheus'],
  resources: ['the past of the target'],
  covers: ['alerts.none-critical', 'alerts.none-security'],
  unit: 'alerts',
  why: 'A release on top of an outage hides its cause, and makes two problems of one.',
  fix: 'Follow the page of the alert; release when it has been silent for hours.',
  source: 'https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/#inspecting-alerts-during-runtime',

  async observe({ config, signal }) {
    const url = partOf(config, 'prometheus');
    const { quiet, quietHours: hours } = partOf(config, 'alerts');
    const loaded = await readLoaded(url, signal);
    const ask = (expression: string) => queryPrometheus(url, expression, signal);
    // Silence of the past tells something only where the past was watched.
    const first = await ask(`count(count_over_time(up[${sliceMinutes}m] offset ${hours * 60 - sliceMinutes}m))`);
    if (first.length === 0)
      throw new Error(`Prometheus remembers nothing of ${hours} hours ago: what fired since is not known`);
    const fired = await ask(`count_over_time(ALERTS{alertstate="firing"}[${hours}h])`);
    return { examined: loaded.length, facts: { fired: fired.map(({ labels }) => labels), hours, quiet } };
  },

  judge: ({ fired, hours, quiet }) =>
    fired
      .filter((labels) => quiet.some((some) => Object.entries(some).every(([name, value]) => labels[name] === value)))
      .map(({ alertname = 'an alert', ...labels }) => {
        const shown = Object.entries(labels).filter(([name]) => !['__name__', 'alertstate'].includes(name));
        const named = shown.map(([name, value]) => `${name}="${value}"`).join(', ');
        return {
          message: `${alertname} fired within the last ${hours} hours: ${named}`,
          identity: `${alertname} ${named}`,
        };
      }),

  samples: {
    good: [good, { ...good, fired: [] }],
    bad: [
      { ...good, fired: [{ alertname: 'DatabaseLost', severity: 'critical', alertstate: 'firing' }] },
      { ...good, fired: [{ alertname: 'AuthFailuresHigh', severity: 'warning', category: 'security' }] },
    ],
  },

  prepare: (sandbox) => remembered(sandbox, []),

  /** Every kind of alert that must not fire did. */
  async sabotage(sandbox) {
    const before = partOf(sandbox.config, 'prometheus');
    const undo = await remembered(sandbox, partOf(sandbox.config, 'alerts').quiet);
    return async () => {
      await undo();
      sandbox.config.prometheus = before;
    };
  },
});

/** At the beginning of the hours something must have been measured within so many minutes. */
const sliceMinutes = 10;
const everySeconds = 60;

/** A real Prometheus with the tree's rules, whose past is invented: it was up all the time, and these fired. */
async function remembered(sandbox: Sandbox, alerts: readonly Labels[]): Promise<Undo> {
  const { config, scratch } = sandbox;
  const { rules } = await ruleFilesOf(config, scratch);
  const samples = partOf(config, 'alerts').quietHours * 60 + sliceMinutes;
  const up: History = { metric: 'up', labels: { job: 'preflight' }, at: () => 1 };
  const past = alerts.map(
    (labels, index): History => ({
      metric: 'ALERTS',
      labels: { alertname: `Preflight${index}`, alertstate: 'firing', ...labels },
      at: () => 1,
    }),
  );
  const prometheus = await startPrometheus(sandbox, {
    history: { series: [up, ...past], samples, everySeconds },
    rules: rules.map((file) => join(scratch.root, file)),
  });
  config.prometheus = prometheus.url;
  return async () => {
    delete config.prometheus;
    await prometheus.close();
  };
}
