import { basename } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { readRules, ruleFilesOf } from '../alerts/support/rules.ts';
import { leadsTo, type Page, readPage } from './support/page.ts';

interface Alert {
  alert: string;
  file: string;
  line: number;
  url: string;
  /** Where it leads to in the tree; null: to no file. */
  page: string | null;
}

interface Facts {
  alerts: Alert[];
  /** Every page that an alert leads to or that was promised, by its path. */
  pages: Record<string, Page>;
  required: string[];
  sections: string[];
  /** Names of the scripts that there are. */
  scripts: string[];
}

const alert: Alert = {
  alert: 'QueueDeep',
  file: 'rules.yaml',
  line: 4,
  url: 'runbooks/QueueDeep.md',
  page: 'runbooks/QueueDeep.md',
};
const page: Page = { title: 'QueueDeep', sections: ['Meaning', 'Mitigation'], scripts: ['status'] };
const good: Facts = {
  alerts: [alert],
  pages: { 'runbooks/QueueDeep.md': page, 'runbooks/Shutdown.md': { ...page, title: 'Shutdown' } },
  ...{ required: ['runbooks/Shutdown.md'], sections: ['Meaning', 'Mitigation'], scripts: ['status'] },
};
const withPage = (change: Partial<Page>): Facts => ({
  ...good,
  pages: { ...good.pages, 'runbooks/QueueDeep.md': { ...page, ...change } },
});

export default defineGate<Facts>({
  id: 'runbooks/every-alert-has-a-page',
  severity: 'blocker',
  profile: 'static',
  needs: ['config:alerts'],
  covers: [
    'runbooks.failed-orders',
    'runbooks.common-errors',
    'runbooks.troubleshooting',
    'runbooks.emergency',
    'runbooks.security-incident',
    'runbooks.alerts',
    'runbooks.written',
  ],
  unit: 'alerts',
  why: 'Whoever is woken at three in the morning did not write the alert: a link to nothing leaves them alone with it.',
  fix: 'Write the page: what it means, how to find the cause, what to do, and how to know that it is over.',
  source: 'https://sre.google/sre-book/being-on-call/',

  async observe({ config, tree }) {
    const { sections, required, scripts: globs } = partOf(config, 'alerts').pages;
    const [{ rules: files }, all, scripts] = await Promise.all([
      ruleFilesOf(config, tree),
      tree.files('**/*.md'),
      tree.files(...globs),
    ]);
    const alerts = (await readRules(tree, files)).map(({ alert: name, file, line, annotations }) => {
      const url = annotations.runbook_url ?? '';
      return { alert: name, file, line, url, page: leadsTo(url, all) };
    });
    const wanted = [
      ...new Set([...alerts.flatMap((each) => each.page ?? []), ...required.filter((path) => all.includes(path))]),
    ];
    const pages = Object.fromEntries(
      await Promise.all(wanted.map(async (path) => [path, readPage(await tree.read(path))] as const)),
    );
    const names = scripts.map((path) => basename(path));
    return { examined: alerts.length, facts: { alerts, pages, required, sections, scripts: names } };
  },

  judge: (facts) => [
    ...facts.alerts.flatMap((each) => linkFaults(each, facts)),
    ...facts.required
      .filter((path) => !facts.pages[path])
      .map((path) => ({ message: `there is no page ${path}`, fix: `Write ${path}.` })),
    ...Object.entries(facts.pages).flatMap(([path, each]) => pageFaults(path, each, facts)),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, alerts: [{ ...alert, url: '', page: null }] },
      { ...good, alerts: [{ ...alert, url: 'runbooks/Gone.md', page: null }] },
      withPage({ title: 'Something else' }),
      withPage({ sections: ['Meaning'] }),
      withPage({ scripts: ['gone'] }),
      { ...good, required: ['runbooks/Gone.md'] },
    ],
  },

  async sabotage({ scratch, config }) {
    const { rules } = await ruleFilesOf(config, scratch);
    const all = await scratch.files('**/*.md');
    const paths = (await readRules(scratch, rules)).map(({ annotations }) =>
      leadsTo(annotations.runbook_url ?? '', all),
    );
    const path = paths.find((each) => each !== null);
    if (!path) throw new Error('no alert leads to a page');
    await scratch.remove(path);
    return undefined;
  },
});

function linkFaults({ alert: name, file, line, url, page: path }: Alert, { pages }: Facts): Finding[] {
  if (path === null) {
    const message = url === '' ? `${name} leads to no page` : `${name} leads to ${url}, and there is no such page`;
    return [{ file, line, message, identity: `${name} page` }];
  }
  const words = pages[path]?.title.split(/[\s,]+/) ?? [];
  if (words.includes(name)) return [];
  const fix = `Name ${name} in the first heading of ${path}, beside the other alerts that it is about.`;
  return [{ file: path, message: `the page is not about ${name}, which leads to it`, fix }];
}

function pageFaults(file: string, { sections, scripts }: Page, facts: Facts): Finding[] {
  const missing = facts.sections.filter((section) => !sections.includes(section));
  const unknown = scripts.filter((name) => !facts.scripts.includes(name));
  return [
    ...missing.map((section) => ({
      ...{ file, message: `the page says nothing under "${section}"`, fix: `Write the section \`## ${section}\`.` },
    })),
    ...unknown.map((name) => ({
      ...{ file, message: `the page calls bin/${name}, and there is no such script` },
      fix: `Name a script that exists: ${facts.scripts.join(', ')}.`,
    })),
  ];
}
