import { parse } from 'yaml';
import { z } from 'zod';
import { type Config, partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { readPromql, type Selector } from '../../io/promql.ts';
import type { Tree } from '../../io/tree.ts';

interface Panel {
  dashboard: string;
  file: string;
  title: string;
  unit: string;
  /** Sources that its questions name. */
  sources: string[];
  questions: { expression: string; faultAt: number | null; selectors: Selector[] }[];
}

interface Facts {
  dashboards: { uid: string; title: string; file: string }[];
  panels: Panel[];
  /** Sources that are provisioned, by their uid. */
  sources: string[];
  /** Whether something provisions dashboards at all. */
  provided: boolean;
  /** What is exported, with its labels; null: which labels it has is not known here. */
  exported: Record<string, string[] | null>;
  required: Required[];
  /** Items of this gate that no required panel answers. */
  unrequired: string[];
}

type Required = NonNullable<Config['dashboards']>['required'][number];

const text = z.string().min(1);
const target = z.looseObject({ expr: z.string().default(''), datasource: z.looseObject({ uid: text }).optional() });
const panelShape = z.looseObject({
  title: z.string().default(''),
  type: text,
  datasource: z.looseObject({ uid: text }).optional(),
  fieldConfig: z.looseObject({ defaults: z.looseObject({ unit: z.string().default('') }) }).optional(),
  targets: z.array(target).default([]),
});
const dashboardShape = z.looseObject({ uid: text, title: text, panels: z.array(panelShape) });
const provisioningShape = z.looseObject({
  datasources: z.array(z.looseObject({ uid: text })).default([]),
  providers: z.array(z.looseObject({ options: z.looseObject({ path: text }) })).default([]),
});

/** What every scrape adds to each series, and the bound of a bucket. */
const everywhere = ['job', 'instance', 'le'];
/** The part of a histogram's series that its name is not. */
const partNames = /_(?:bucket|sum|count)$/;

const items = [
  'api-success',
  'order-flow',
  'portfolio-staleness',
  'risk-approvals',
  'reconciliation',
  'system',
  'trading',
]
  .concat('overview', 'data')
  .map((name) => `dashboards.${name}`)
  .concat('market-data.quota-watched', 'metrics.market-data-failover');

export default defineGate<Facts>({
  id: 'dashboards/show-what-exists',
  severity: 'warning',
  profile: 'static',
  needs: ['config:dashboards', 'config:metrics'],
  covers: items,
  unit: 'panels',
  files: ({ dashboards }) => [...(dashboards?.files ?? []), ...(dashboards?.provisioning ?? [])],
  why: 'A panel that reads a metric which nobody exports is empty, and in an outage an empty panel looks like calm.',
  fix: 'Read what metrics.promised names, with the labels that it has; give each panel a title and a unit.',
  source: 'https://github.com/grafana/dashboard-linter',

  async observe({ config, tree }) {
    const { files, provisioning, required } = partOf(config, 'dashboards');
    const read = await readDashboards(tree, await tree.files(...files));
    const provisioned = await Promise.all(
      (await tree.files(...provisioning)).map(async (file) => provisioningShape.parse(parse(await tree.read(file)))),
    );
    const facts: Facts = {
      ...read,
      sources: provisioned.flatMap(({ datasources }) => datasources.map(({ uid }) => uid)),
      provided: provisioned.some(({ providers }) => providers.length > 0),
      exported: exportedOf(config),
      required,
      unrequired: items.filter((item) => !required.some((each) => each.items.includes(item))),
    };
    return { examined: facts.panels.length, facts };
  },

  judge: (facts) => [
    ...sameUids(facts),
    ...facts.panels.flatMap((panel) => panelFaults(panel, facts)),
    ...(facts.provided ? [] : [{ message: 'nothing provisions the dashboards: they are shown to nobody' }]),
    ...facts.required.flatMap((each) => requiredFaults(each, facts.panels)),
    ...facts.unrequired.map((item) => ({
      message: `no required panel answers ${item}`,
      identity: item,
      fix: `Name in dashboards.required which panels show it: { items: ['${item}'], … }.`,
    })),
  ],

  samples: {
    good: [facts({})],
    bad: [
      facts({ dashboards: ['a.json', 'b.json'].map((file) => ({ uid: 'one', title: 'One', file })) }),
      facts({ panels: [panel({ title: '' }), panel({})] }),
      facts({ panels: [panel({ unit: '' })] }),
      facts({ panels: [panel({ sources: ['another'] })] }),
      facts({ panels: [panel({}), panel({ title: 'Empty', questions: [] })] }),
      facts({ panels: [panel({ questions: [{ expression: 'sum(', faultAt: 5, selectors: [] }] })] }),
      facts({ panels: [panel({}), panel({ title: 'More', questions: [question('orders_gone_total', [])] })] }),
      facts({ panels: [panel({ questions: [question('orders_total', ['colour'])] })] }),
      facts({ provided: false }),
      facts({ required: [{ items: [], dashboard: 'one', panels: { Fills: ['orders_total'] } }] }),
      facts({ required: [{ items: [], dashboard: 'one', panels: { Orders: ['fills_total'] } }] }),
      facts({ unrequired: ['dashboards.system'] }),
    ],
  },

  /** An update renames a metric, and nobody thinks of the dashboards. */
  async sabotage({ config, scratch }) {
    const [file = ''] = await scratch.files(...partOf(config, 'dashboards').files);
    const { panels } = dashboardShape.parse(JSON.parse(await scratch.read(file)));
    const [metric = ''] = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsOf(expr)));
    const renamed = (await scratch.read(file)).replaceAll(metric, `${metric}_renamed`);
    await scratch.write(file, renamed);
    return undefined;
  },
});

async function readDashboards(tree: Tree, files: readonly string[]): Promise<Pick<Facts, 'dashboards' | 'panels'>> {
  const read = await Promise.all(
    files.map(async (file) => ({ file, ...dashboardShape.parse(JSON.parse(await tree.read(file))) })),
  );
  return {
    dashboards: read.map(({ uid, title, file }) => ({ uid, title, file })),
    // Rows and notes ask nothing.
    panels: read.flatMap(({ uid, file, panels }) =>
      panels.filter(({ type }) => type !== 'row' && type !== 'text').map((each) => panelOf(each, uid, file)),
    ),
  };
}

function panelOf(shape: z.output<typeof panelShape>, dashboard: string, file: string): Panel {
  const { title, datasource, fieldConfig, targets } = shape;
  const named = [datasource, ...targets.map((each) => each.datasource)].flatMap((each) => each?.uid ?? []);
  return {
    ...{ dashboard, file, title, unit: fieldConfig?.defaults.unit ?? '', sources: [...new Set(named)] },
    questions: targets.map(({ expr }) => ({ expression: expr, ...readPromql(expr) })),
  };
}

function exportedOf(config: Config): Facts['exported'] {
  const own = partOf(config, 'metrics').promised.map(({ name, labels }) => [name, labels] as const);
  const others = partOf(config, 'dashboards').others.map((name) => [name, null] as const);
  return Object.fromEntries([...others, ...own]);
}

function metricsOf(expression: string): string[] {
  return readPromql(expression).selectors.map(({ metric }) => metric);
}

function sameUids({ dashboards }: Facts): Finding[] {
  const byUid = [...Map.groupBy(dashboards, ({ uid }) => uid)].filter(([, same]) => same.length > 1);
  return byUid.map(([uid, same]) => ({
    message: `${same.map(({ title }) => title).join(' and ')} have one uid, ${uid}: Grafana shows the last`,
    file: same[0]?.file ?? '',
    identity: `uid ${uid}`,
  }));
}

function panelFaults({ dashboard, file, title, unit, sources, questions }: Panel, facts: Facts): Finding[] {
  const place = `${dashboard}, "${title}"`;
  const say = (message: string): Finding => ({
    message: `${place}: ${message}`,
    file,
    identity: `${place}: ${message}`,
  });
  return [
    ...(title.trim() === '' ? [say('it has no title')] : []),
    ...(unit === '' ? [say('it has no unit: a number alone is read wrongly')] : []),
    ...(questions.length === 0 ? [say('it asks nothing')] : []),
    ...sources.filter((uid) => !facts.sources.includes(uid)).map((uid) => say(`nothing provisions its source ${uid}`)),
    ...questions.flatMap(({ expression, faultAt, selectors }) =>
      faultAt === null
        ? selectors.flatMap((each) => selectorFaults(each, facts.exported).map(say))
        : [say(`no PromQL from character ${faultAt} on: ${expression}`)],
    ),
  ];
}

function selectorFaults({ metric, labels }: Selector, exported: Facts['exported']): string[] {
  const known = exported[metric] === undefined ? exported[metric.replace(partNames, '')] : exported[metric];
  if (known === undefined) return [`${metric} is exported by nobody`];
  return labels
    .filter((label) => known !== null && !known.includes(label) && !everywhere.includes(label))
    .map((label) => `${metric} has no label ${label}`);
}

function requiredFaults({ dashboard, panels: wanted }: Required, panels: readonly Panel[]): Finding[] {
  return Object.entries(wanted).flatMap(([title, metrics]): Finding[] => {
    const found = panels.find((each) => each.dashboard === dashboard && each.title === title);
    if (!found) return [{ message: `${dashboard} has no panel "${title}"`, identity: `${dashboard}: ${title}` }];
    const read = found.questions.flatMap(({ selectors }) =>
      selectors.map(({ metric }) => metric.replace(partNames, '')),
    );
    return metrics
      .filter((metric) => !read.includes(metric.replace(partNames, '')))
      .map((metric) => ({ message: `${dashboard}, "${title}" does not read ${metric}`, file: found.file }));
  });
}

function question(metric: string, labels: string[]): Panel['questions'][number] {
  return { expression: `rate(${metric}[5m])`, faultAt: null, selectors: [{ metric, labels }] };
}

function panel(change: Partial<Panel>): Panel {
  return {
    ...{ dashboard: 'one', file: 'one.json', title: 'Orders', unit: 'ops', sources: ['prometheus'] },
    questions: [question('orders_total', ['job', 'outcome'])],
    ...change,
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    dashboards: [{ uid: 'one', title: 'One', file: 'one.json' }],
    panels: [panel({})],
    ...{ sources: ['prometheus'], provided: true },
    exported: { orders_total: ['outcome'], up: null },
    required: [{ items: [], dashboard: 'one', panels: { Orders: ['orders_total'] } }],
    unrequired: [],
    ...change,
  };
}
