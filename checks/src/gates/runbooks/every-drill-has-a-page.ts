import picomatch from 'picomatch';
import { type Config, partOf } from '../../config.ts';
import { drills } from '../../drills/index.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { missingIn } from '../../io/runbook-page.ts';
import type { Tree } from '../../io/tree.ts';
import { exportedOf, familyOf, isExported } from '../alerts/support/exporters.ts';
import { type AlertRule, readRules, ruleFilesOf } from '../alerts/support/rules.ts';
import { leadsTo } from './support/page.ts';
import { type Sight, sightsOf } from './support/sights.ts';

interface PageSeen {
  path: string;
  /** What keeps a drill that ends with it from following it. */
  missing: string[];
  sights: (Sight & { isThere: boolean })[];
  /** That lead to it, each with the metrics that it reads. */
  alerts: { name: string; metrics: string[] }[];
  isOfDrill: boolean;
}

interface Facts {
  /** By their ids: the page that the configuration names; null: it names none. */
  drills: Record<string, string | null>;
  /** What the configuration names pages of, and is no drill. */
  strangers: string[];
  /** Every page that a drill ends with or an alert leads to. */
  pages: PageSeen[];
}

const pageGlobs = ['**/*.md'];

const page: PageSeen = {
  ...{ path: 'runbooks/QueueDeep.md', missing: [], isOfDrill: true },
  sights: [
    { kind: 'alert', name: 'QueueDeep', line: 7, isThere: true },
    { kind: 'metric', name: 'queue_depth', line: 8, isThere: true },
    { kind: 'log', name: 'Queue is deep', line: 9, isThere: true },
  ],
  alerts: [{ name: 'QueueDeep', metrics: ['queue_depth'] }],
};
const good: Facts = { drills: { 'drills/a': page.path }, strangers: [], pages: [page] };
const withPage = (change: Partial<PageSeen>): Facts => ({ ...good, pages: [{ ...page, ...change }] });
const without = (kind: Sight['kind'], change: Partial<PageSeen> = {}) =>
  withPage({ ...change, sights: page.sights.filter((sight) => sight.kind !== kind) });
const gone = (kind: Sight['kind']) =>
  withPage({ sights: page.sights.map((sight) => (sight.kind === kind ? { ...sight, isThere: false } : sight)) });

export default defineGate<Facts>({
  id: 'runbooks/every-drill-has-a-page',
  severity: 'blocker',
  profile: 'static',
  needs: ['config:drillPages', 'config:alerts', 'config:metrics'],
  files: ({ alerts, code }) => [...(alerts?.rules ?? []), ...pageGlobs, ...code.production],
  covers: ['runbooks.tested'],
  unit: 'runbook pages',
  why: 'Whoever looks for a page knows what they see: an alert, a number, a line of the log. A name that has changed since leads them past the page that would have helped.',
  fix: 'Say on the page what somebody sees, by the names that the rules, the metrics and the source have now.',
  source: 'https://sre.google/workbook/on-call/',

  async observe({ config, tree }) {
    const [{ rules }, files] = await Promise.all([ruleFilesOf(config, tree), tree.files(...pageGlobs)]);
    const alerts = await readRules(tree, rules);
    const named = partOf(config, 'drillPages');
    const ids = drills.map(({ id }) => id).filter((id) => !isSetAside(id, config));
    const paths = pathsOf(named, alerts, files);
    const seen = await Promise.all(paths.map((path) => see(tree, path, { config, alerts, files, named })));
    return {
      examined: seen.length,
      facts: {
        drills: Object.fromEntries(ids.map((id) => [id, named[id] ?? null])),
        strangers: Object.keys(named).filter((id) => !drills.some((drill) => drill.id === id)),
        pages: await lookedUp(seen, { config, tree, alerts }),
      },
    };
  },

  judge: ({ drills: all, strangers, pages }) => [
    ...Object.entries(all).flatMap(([id, path]) => (path === null ? [withoutPage(id)] : [])),
    ...strangers.map((id) => ({
      message: `drillPages names a page of ${id}, and there is no such drill`,
      fix: `Remove the line of ${id}, or mend its name.`,
    })),
    ...pages.flatMap((each) => [...drillFaults(each), ...alertFaults(each), ...nameFaults(each)]),
  ],

  samples: {
    good: [good, without('log', { isOfDrill: false })],
    bad: [
      { ...good, drills: { 'drills/a': page.path, 'drills/b': null } },
      { ...good, strangers: ['drills/gone'] },
      withPage({ missing: ['no commands under "Recovery"'] }),
      without('log'),
      without('metric', { alerts: [] }),
      without('alert', { alerts: [] }),
      withPage({ isOfDrill: false, alerts: [...page.alerts, { name: 'QueueStuck', metrics: [] }] }),
      withPage({ isOfDrill: false, alerts: [{ name: 'QueueDeep', metrics: ['queue_age_seconds'] }] }),
      gone('alert'),
      gone('metric'),
      gone('log'),
    ],
  },

  /** The page of the first drill tells of an alert, a metric and a line that nothing has. */
  async sabotage({ scratch, config }) {
    const [path] = Object.values(partOf(config, 'drillPages'));
    if (path === undefined) throw new Error('drillPages names no page');
    const names = new Set(sightsOf(await scratch.read(path)).map(({ name }) => name));
    let text = await scratch.read(path);
    for (const name of names) text = text.replaceAll(name, `${name}_of_yesterday`);
    await scratch.write(path, text);
    return undefined;
  },
});

/** A drill that this service has no use for needs no page. */
function isSetAside(id: string, { notApplicable }: Config): boolean {
  return notApplicable.some(({ gate }) => picomatch.isMatch(id, gate));
}

function pathsOf(
  named: Readonly<Record<string, string>>,
  alerts: readonly AlertRule[],
  files: readonly string[],
): string[] {
  const ofAlerts = alerts.flatMap(({ annotations }) => leadsTo(annotations.runbook_url ?? '', files) ?? []);
  return [...new Set([...Object.values(named), ...ofAlerts])];
}

interface Around {
  config: Config;
  alerts: readonly AlertRule[];
  files: readonly string[];
  named: Readonly<Record<string, string>>;
}

async function see(tree: Tree, path: string, { alerts, files, named }: Around): Promise<PageSeen> {
  const isOfDrill = Object.values(named).includes(path);
  const own = alerts.filter(({ annotations }) => leadsTo(annotations.runbook_url ?? '', files) === path);
  const leading = own.map(({ alert: name, metrics }) => ({ name, metrics: metrics.map(familyOf) }));
  if (!files.includes(path)) return { path, missing: ['no such page'], sights: [], alerts: leading, isOfDrill };
  const text = await tree.read(path);
  const sights = sightsOf(text).map((sight) => ({ ...sight, isThere: false }));
  return { path, missing: isOfDrill ? missingIn(text) : [], sights, alerts: leading, isOfDrill };
}

/** The same pages, with whether each name on them is one that there is. */
async function lookedUp(
  pages: readonly PageSeen[],
  { config, tree, alerts }: Pick<Around, 'config' | 'alerts'> & { tree: Tree },
): Promise<PageSeen[]> {
  const lines = pages.flatMap(({ sights }) => sights.filter(({ kind }) => kind === 'log').map(({ name }) => name));
  const known: Record<Sight['kind'], (name: string) => boolean> = {
    alert: nameIn(alerts.map(({ alert }) => alert)),
    metric: (name) => isExported(name, exportedOf(config)),
    log: nameIn(await writtenIn(tree, config.code.production, lines)),
  };
  return pages.map(({ sights, ...rest }) => ({
    ...rest,
    sights: sights.map((sight) => ({ ...sight, isThere: known[sight.kind](sight.name) })),
  }));
}

function nameIn(names: Iterable<string>): (name: string) => boolean {
  const all = new Set(names);
  return (name) => all.has(name);
}

/** Those of the texts that stand as one literal in a file of these globs. */
async function writtenIn(tree: Tree, globs: readonly string[], texts: readonly string[]): Promise<string[]> {
  const wanted = new Set(texts);
  const files = await tree.files(...globs);
  const sources = await Promise.all(files.map((file) => tree.read(file)));
  return [...wanted].filter((text) => sources.some((source) => isLiteralIn(source, text)));
}

function isLiteralIn(source: string, text: string): boolean {
  return ["'", '"', '`'].some((quote) => source.includes(quote + text + quote));
}

function withoutPage(id: string): Finding {
  return {
    message: `${id} ends with no runbook page: what it shows to be survivable nobody is told how to survive`,
    identity: id,
    fix: `Write the page, and name it: drillPages['${id}'].`,
  };
}

const kinds: readonly Sight['kind'][] = ['alert', 'metric', 'log'];
const spoken: Record<Sight['kind'], string> = { alert: 'alert', metric: 'metric', log: 'line of the log' };

function drillFaults({ path: file, missing, sights, isOfDrill }: PageSeen): Finding[] {
  if (!isOfDrill) return [];
  const unseen = kinds.filter((kind) => !sights.some((sight) => sight.kind === kind));
  return [
    ...missing.map((what) => ({
      ...{ file, message: `a drill cannot follow the page: ${what}` },
      fix: 'Write what somebody sees, the commands that mend it, and the commands that tell that it is over.',
    })),
    ...unseen.map((kind) => ({
      ...{ file, message: `the page says by no ${spoken[kind]} what somebody sees` },
      fix: `Name one in an item that begins with "- ${kind[0]?.toUpperCase()}${kind.slice(1)}:".`,
    })),
  ];
}

/** An alert and its page speak of the same thing when the page names the alert, and a metric that it reads. */
function alertFaults({ path: file, sights, alerts }: PageSeen): Finding[] {
  const names = (kind: Sight['kind']) => sights.filter((sight) => sight.kind === kind).map(({ name }) => name);
  const metrics = names('metric').map(familyOf);
  return alerts.flatMap(({ name, metrics: read }) => [
    ...(names('alert').includes(name)
      ? []
      : [{ file, message: `the page does not say that it is ${name} that somebody sees, which leads to it` }]),
    ...(read.length === 0 || read.some((metric) => metrics.includes(metric))
      ? []
      : [
          {
            ...{ file, message: `the page names no metric that ${name} reads, which leads to it` },
            fix: `Name one under "What you see": ${read.join(', ')}.`,
          },
        ]),
  ]);
}

function nameFaults({ path: file, sights }: PageSeen): Finding[] {
  return sights
    .filter(({ isThere }) => !isThere)
    .map(({ kind, name, line }) => ({
      ...{ file, line, identity: `${kind} ${name}` },
      message: `the page tells of the ${spoken[kind]} ${name}, and there is none`,
    }));
}
