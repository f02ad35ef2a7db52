import { join } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { startPrometheus } from '../../sandbox/prometheus.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';
import { countAlertmanagers, gist, type LoadedAlert, readLoaded } from './support/loaded-rules.ts';
import { type AlertRule, readRules, ruleFilesOf } from './support/rules.ts';

type Wanted = Pick<AlertRule, 'alert' | 'file' | 'line' | 'expression' | 'forSeconds'>;

interface Facts {
  /** The alerts of the tree, and those that the target's Prometheus evaluates. */
  wanted: Wanted[];
  loaded: LoadedAlert[];
  /** Groups on the target that belong to others. */
  foreignGroups: string[];
  /** How many Alertmanagers are told. */
  alertmanagers: number;
}

const wanted: Wanted = {
  alert: 'QueueDeep',
  file: 'rules.yaml',
  line: 4,
  expression: 'max(depth) > 100',
  forSeconds: 60,
};
const loaded: LoadedAlert = {
  ...{ alert: 'QueueDeep', group: 'queues', forSeconds: 60, expression: 'max(depth) > 100', health: 'ok' },
};
const good: Facts = { wanted: [wanted], loaded: [loaded], foreignGroups: ['theirs'], alertmanagers: 1 };

export default defineGate<Facts>({
  id: 'alerts/are-loaded-on-target',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:alerts', 'config:prometheus'],
  covers: ['alerts.active-on-target'],
  unit: 'alerts',
  why: 'Rules in a repository wake nobody: those that the Prometheus of the target has read do, and it may have read others.',
  fix: 'Install deploy/prometheus as it is in this commit, and let Prometheus read it again (SIGHUP).',
  source: 'https://prometheus.io/docs/prometheus/latest/querying/api/#rules',

  async observe({ config, tree, signal }) {
    const url = partOf(config, 'prometheus');
    const { rules } = await ruleFilesOf(config, tree);
    const [own, there, alertmanagers] = await Promise.all([
      readRules(tree, rules),
      readLoaded(url, signal),
      countAlertmanagers(url, signal),
    ]);
    const facts = {
      wanted: own.map(({ alert, file, line, expression, forSeconds }) => ({
        alert,
        file,
        line,
        expression,
        forSeconds,
      })),
      ...{ loaded: there, foreignGroups: partOf(config, 'alerts').foreignGroups, alertmanagers },
    };
    return { examined: own.length, facts };
  },

  judge: (facts) => [
    ...facts.wanted.flatMap((each) => wantedFaults(each, facts.loaded)),
    ...facts.loaded.flatMap((each) => loadedFaults(each, facts)),
    ...(facts.alertmanagers > 0
      ? []
      : [
          {
            message: 'Prometheus tells no Alertmanager: no alert reaches anybody',
            fix: 'Fill in targets/alertmanager.yaml.',
          },
        ]),
  ],

  samples: {
    good: [good, { ...good, loaded: [loaded, { ...loaded, alert: 'Theirs', group: 'theirs' }] }],
    bad: [
      { ...good, loaded: [] },
      { ...good, loaded: [{ ...loaded, expression: 'max(depth) > 1000' }] },
      { ...good, loaded: [{ ...loaded, forSeconds: 600 }] },
      { ...good, loaded: [{ ...loaded, health: 'err' }] },
      { ...good, loaded: [loaded, { ...loaded, alert: 'ByHand' }] },
      { ...good, alertmanagers: 0 },
    ],
  },

  prepare: (sandbox) => watched(sandbox, true),

  /** It has read none of the tree's rules. */
  async sabotage(sandbox) {
    const before = partOf(sandbox.config, 'prometheus');
    const undo = await watched(sandbox, false);
    return async () => {
      await undo();
      sandbox.config.prometheus = before;
    };
  },
});

/** A real Prometheus that watches the sandbox, with the rules of its tree or without. */
async function watched(sandbox: Sandbox, withRules: boolean): Promise<Undo> {
  const { config, scratch } = sandbox;
  const { rules } = await ruleFilesOf(config, scratch);
  const prometheus = await startPrometheus(sandbox, {
    rules: withRules ? rules.map((file) => join(scratch.root, file)) : [],
    // Nobody listens there: that it is told to tell somebody is all that is looked at.
    alertmanagers: ['127.0.0.1:9'],
  });
  await untilTold(prometheus.url);
  config.prometheus = prometheus.url;
  return async () => {
    delete config.prometheus;
    await prometheus.close();
  };
}

const discoveryLimitMs = 20_000;
const discoveryPollMs = 100;

/** Prometheus looks for Alertmanagers every five seconds. */
async function untilTold(url: string): Promise<void> {
  const limit = AbortSignal.timeout(discoveryLimitMs);
  while ((await countAlertmanagers(url, limit)) === 0)
    await new Promise((resolve) => setTimeout(resolve, discoveryPollMs));
}

function wantedFaults(
  { alert, file, line, expression, forSeconds }: Wanted,
  loaded: readonly LoadedAlert[],
): Finding[] {
  const there = loaded.find((each) => each.alert === alert);
  const find = (message: string): Finding[] => [
    { file, line, message: `${alert} ${message}`, identity: `${alert} on the target` },
  ];
  if (!there) return find('is not loaded on the target');
  if (gist(there.expression) !== gist(expression))
    return find(`is loaded with another expression: ${there.expression}`);
  if (there.forSeconds !== forSeconds)
    return find(`waits ${there.forSeconds} s on the target, and ${forSeconds} s here`);
  return [];
}

function loadedFaults({ alert, group, health }: LoadedAlert, { wanted: own, foreignGroups }: Facts): Finding[] {
  const fix = 'Put the rule into the tree, or name its group in alerts.foreignGroups.';
  if (health === 'err')
    return [{ message: `${alert} cannot be evaluated on the target`, fix: 'See its error on the page /rules.' }];
  if (own.some((each) => each.alert === alert) || foreignGroups.includes(group)) return [];
  return [{ message: `${alert} of the group ${group} is loaded on the target, and is kept nowhere in this tree`, fix }];
}
