import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import { exportedOf, isExported } from './support/exporters.ts';
import { type AlertRule, type AlertTest, readRules, readTests, ruleFilesOf } from './support/rules.ts';

interface Promised {
  alert: string;
  states: string[];
  withinSeconds: number;
  items: string[];
}

interface Facts {
  rules: AlertRule[];
  tests: AlertTest[];
  promised: Promised[];
  /** Items of this gate that no promised alert answers. */
  unpromised: string[];
  /** Names of the metrics that the service, its exporters and Prometheus itself export. */
  exported: string[];
  /** What promtool says of a test that failed or of a file that it refuses; one text for each. */
  refused: string[];
}

const rule: AlertRule = {
  ...{ alert: 'QueueDeep', file: 'rules.yaml', line: 4, expression: 'max(queue_depth) > 100', forSeconds: 60 },
  labels: { severity: 'warning' },
  annotations: {
    summary: 'The queue is deep',
    description: '{{ $value }} wait.',
    runbook_url: 'runbooks/QueueDeep.md',
  },
  metrics: ['queue_depth'],
};
const tested = (fires: boolean, fed = ['queue_depth']): AlertTest => ({
  alert: 'QueueDeep',
  file: 'test.yaml',
  fires,
  fed,
});
const good: Facts = {
  rules: [rule],
  tests: [tested(true), tested(false)],
  promised: [{ alert: 'QueueDeep', states: ['> 100'], withinSeconds: 60, items: ['alerts.queue-depth'] }],
  unpromised: [],
  ...{ exported: ['queue_depth', 'wait_seconds'], refused: [] },
};
const changed = (change: Partial<AlertRule>): Facts => ({ ...good, rules: [{ ...rule, ...change }] });

const items = [
  'alerts.api-failures',
  'alerts.log-keywords',
  'alerts.log-keywords.processing',
  'alerts.log-keywords.execution',
  'alerts.log-keywords.price',
  'alerts.pending-orders',
  'alerts.kill-switch',
  'alerts.database-lost',
  'alerts.redis-lost',
  'alerts.outbox-backlog',
  'alerts.reconciliation-slow',
  'alerts.placement-rate',
  'alerts.cpu',
  'alerts.disk',
  'alerts.connections',
  'alerts.memory',
  'alerts.error-logs',
  'alerts.certificate',
  'alerts.backups',
  'alerts.resources',
  'alerts.application',
  'alerts.database',
  'alerts.network',
  'alerts.business',
  'alerts.backup-storage',
  'alerts.failover',
  'alerts.rules',
  'alerts.rules.critical',
  'alerts.rules.high',
  'alerts.heartbeat-slow',
  'alerts.queue-depth',
  'alerts.pool-usage',
  'alerts.error-rate',
  'alerts.execution-failures',
  'logs.analysed',
  'market-data.cross-checked',
];

export default defineGate<Facts>({
  id: 'alerts/rules-fire',
  severity: 'blocker',
  profile: 'commit',
  needs: ['config:alerts', 'config:metrics', 'promtool'],
  files: ({ alerts }) => [...(alerts?.rules ?? []), ...(alerts?.tests ?? [])],
  covers: items,
  unit: 'alerts',
  // Two seconds of a processor, which others may be using.
  timeoutMs: 60_000,
  why: 'An alert that has never fired is a hope: a renamed metric or a wrong bound keeps it silent on the day that it is for.',
  fix: 'Mend the rule, or its test, and run `promtool test rules` on it.',
  source: 'https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/',

  async observe(context) {
    const { config, tree } = context;
    const files = await ruleFilesOf(config, tree);
    const [rules, tests] = await Promise.all([readRules(tree, files.rules), readTests(tree, files.tests)]);
    const promised = partOf(config, 'alerts').required;
    const unpromised = items.filter((item) => !promised.some((each) => each.items.includes(item)));
    const refused = await runTests(context, files);
    const facts = { rules, tests, promised, unpromised, exported: exportedOf(config), refused };
    return { examined: rules.length, facts };
  },

  judge: ({ rules, tests, promised, unpromised, exported, refused }) => [
    ...refused.map((message) => ({ message, identity: message.replace(/\s+/g, ' ') })),
    ...rules.flatMap(labelFaults),
    ...rules.flatMap((each) => testFaults(each, tests)),
    ...rules.flatMap((each) => metricFaults(each, exported)),
    ...namedTwice(rules),
    ...promised.flatMap((each) => promiseFaults(each, rules)),
    ...unpromised.map((item) => ({
      message: `no promised alert answers ${item}`,
      identity: item,
      fix: `Name in alerts.required what fires for it: { …, items: ['${item}'] }.`,
    })),
  ],

  samples: {
    good: [
      good,
      changed({ metrics: ['queue_depth', 'wait_seconds_bucket'] }),
      // A sign of life reads nothing, and is never silent.
      {
        ...changed({ expression: 'vector(1)', metrics: [] }),
        ...{ tests: [tested(true, [])], promised: [] },
      },
    ],
    bad: [
      { ...good, refused: ['FAILED: alertname: QueueDeep, time: 10m, exp:[…], got:[]'] },
      changed({ labels: {} }),
      changed({ annotations: { ...rule.annotations, summary: '' } }),
      changed({ annotations: { ...rule.annotations, description: 'Something waits.' } }),
      changed({ annotations: { summary: 'a', description: '{{ $value }}' } }),
      { ...good, tests: [tested(false)] },
      { ...good, tests: [tested(true)] },
      { ...good, tests: [tested(true), tested(false, ['another_metric'])] },
      { ...good, rules: [rule, { ...rule, line: 12 }] },
      { ...good, rules: [{ ...rule, alert: 'Other' }], tests: good.tests.map((each) => ({ ...each, alert: 'Other' })) },
      changed({ expression: 'max(queue_depth) > 1000' }),
      changed({ forSeconds: 61 }),
      changed({ metrics: ['queue_depth', 'queue_length'] }),
      { ...good, unpromised: ['alerts.kill-switch'] },
    ],
  },

  /** Another figure in the first bound that is written in figures. */
  async sabotage({ scratch, config }) {
    const { rules } = await ruleFilesOf(config, scratch);
    for (const file of rules) {
      const text = await scratch.read(file);
      const broken = text.replace(/(expr:(?:[^\n]*|\s*\|\n[^\n]*)[<>=]=?\s*)(\d)/, '$17$2');
      if (broken === text) continue;
      await scratch.write(file, broken);
      return undefined;
    }
    throw new Error('no rule compares anything with a number');
  },
});

/** What whoever is woken needs, in the notification itself. */
function labelFaults({ alert, file, line, labels, annotations }: AlertRule): Finding[] {
  const wants: [boolean, string, string][] = [
    [Boolean(labels.severity), 'no severity', 'Add the label severity: who is woken depends on it.'],
    [Boolean(annotations.summary?.trim()), 'no summary', 'Add the annotation summary: what is wrong, in one line.'],
    [
      /\$value/.test(annotations.description ?? ''),
      'no description with its value',
      'Add the annotation description, with {{ $value }} in it.',
    ],
    [
      Boolean(annotations.runbook_url?.trim()),
      'no runbook_url',
      'Add the annotation runbook_url: the page on what to do.',
    ],
  ];
  return wants.flatMap(([given, message, fix]) =>
    given ? [] : [{ file, line, message: `${alert} has ${message}`, fix, identity: `${alert} ${message}` }],
  );
}

function testFaults({ alert, file, line, metrics }: AlertRule, tests: readonly AlertTest[]): Finding[] {
  const own = tests.filter((each) => each.alert === alert);
  const fed = own.filter((each) => !each.fires && each.fed.some((name) => metrics.includes(name)));
  const find = (message: string, fix: string): Finding => ({ file, line, message: `${alert} ${message}`, fix });
  return [
    ...(own.some(({ fires }) => fires)
      ? []
      : [find('has no test in which it fires', `Add an alert_rule_test of ${alert} with exp_alerts.`)]),
    ...(metrics.length === 0 || fed.length > 0
      ? []
      : [
          find(
            'has no test in which its metrics are there and it is silent',
            `Add an alert_rule_test of ${alert} without exp_alerts, at the bound, with input_series of ${metrics.join(', ')}.`,
          ),
        ]),
  ];
}

function metricFaults({ alert, file, line, metrics }: AlertRule, exported: readonly string[]): Finding[] {
  const unknown = metrics.filter((name) => !isExported(name, exported));
  return unknown.map((name) => ({
    ...{ file, line, message: `${alert} reads ${name}, which nobody exports: it can never fire` },
    fix: `Read a metric of metrics.promised or of an exporter in alerts.exporters, or let the service export ${name}.`,
  }));
}

function namedTwice(rules: readonly AlertRule[]): Finding[] {
  const seen = new Set<string>();
  return rules.flatMap(({ alert, file, line }) => {
    const again = seen.has(alert);
    seen.add(alert);
    const message = `${alert} is the name of another alert too: neither its test nor its page is about one of them`;
    return again ? [{ file, line, message, fix: 'Give it a name of its own.' }] : [];
  });
}

function promiseFaults({ alert, states, withinSeconds }: Promised, rules: readonly AlertRule[]): Finding[] {
  const found = rules.find((each) => each.alert === alert);
  if (!found) return [{ message: `no rule is called ${alert}, and it was promised`, fix: `Write the alert ${alert}.` }];
  const { file, line, expression, forSeconds } = found;
  const missing = states.filter((piece) => !isStated(piece, expression));
  return [
    ...missing.map((piece) => ({
      ...{
        file,
        line,
        message: `${alert} does not state \`${piece}\`, as was promised: ${expression.replace(/\s+/g, ' ')}`,
      },
      ...{ identity: `${alert} ${piece}`, fix: `Let its expression say \`${piece}\`, and test it at that bound.` },
    })),
    ...(forSeconds > withinSeconds
      ? [
          {
            ...{ file, line, identity: `${alert} for`, fix: `Write \`for: ${withinSeconds}s\`, or less.` },
            message: `${alert} waits ${forSeconds} s before it fires: ${withinSeconds} s were promised`,
          },
        ]
      : []),
  ];
}

/** Whether an expression has this piece as whole words and numbers: `> 100` is none of `> 1000`. */
function isStated(piece: string, expression: string): boolean {
  const escaped = piece.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w.])${escaped.replace(/\s+/g, '\\s+')}(?![\\w.])`).test(expression);
}

/** One process for all tests, and one look at rule files that no test names: promtool test reads only those that it is told. */
async function runTests({ exec, tools }: Context, files: { rules: string[]; tests: string[] }): Promise<string[]> {
  const promtool = tools.path('promtool');
  const [checked, tested] = await Promise.all([
    exec(promtool, ['check', 'rules', ...files.rules]),
    files.tests.length === 0 ? undefined : exec(promtool, ['test', 'rules', ...files.tests]),
  ]);
  return [checked, tested].flatMap((result) => {
    if (result === undefined || result.code === 0) return [];
    // Exit code 1 says that it has found something, and it says what: without a word it could not look.
    const said = result.stdout + result.stderr;
    if (result.timedOut || result.code !== 1 || !/FAILED/.test(said))
      throw new Error(`promtool ended with exit code ${result.code}: ${lastLines(result)}`);
    return failuresIn(said);
  });
}

const failuresShown = 20;

/** Each test that failed is told from `name:` or `alertname:` on; a file that is refused in one line after FAILED. */
function failuresIn(said: string): string[] {
  const parts = said.split(/^\s*FAILED:?\s*$/m).slice(1);
  const each = parts.flatMap((part) => part.split(/^(?=\s*name: )/m)).map((text) => text.replace(/\s+/g, ' ').trim());
  return each.filter((text) => text !== '').slice(0, failuresShown);
}
