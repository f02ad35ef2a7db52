import { dirname, normalize } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { readPage } from '../documentation/support/page.ts';
import { readContacts } from './support/contacts-file.ts';
import { withPeople } from './support/people-made-up.ts';

interface Facts {
  guide: string;
  headings: string[];
  /** Links to what is not in the tree. */
  dead: string[];
  /** Pages for alerts beside the guide, and those that it does not lead to. */
  pages: string[];
  unlinked: string[];
  /** Whom the levels of escalation name, by severity, and who is known. */
  escalation: { severity: number; to: string[] }[];
  known: string[];
}

/** What somebody looks for in the guide, who has just been woken. */
const sections: readonly (readonly [string, RegExp])[] = [
  ['what an incident is answered with, step by step', /\bincident|\bfirst (minutes|steps)|\bwhat to do/i],
  ['which alerts there are, and their pages', /\balert/i],
  ['who is asked next, and when', /\bescalat/i],
];

const good: Facts = {
  ...{
    guide: 'runbooks/on-call.md',
    headings: ['An incident', 'Alerts', 'Escalation'],
    dead: [],
    known: ['Ada', 'broker'],
  },
  ...{ pages: ['runbooks/DatabaseLost.md'], unlinked: [], escalation: [{ severity: 1, to: ['Ada', 'broker'] }] },
};

export default defineGate<Facts>({
  id: 'on-call/escalation-is-complete',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:contacts', 'config:onCall'],
  covers: ['on-call.guide'],
  unit: 'pages and levels of escalation',
  why: 'Whoever is woken reads one page: what it does not lead to is not found at night.',
  fix: 'Give the guide a section for each, lead from it to every page beside it, and let each severity name people of the contacts.',
  source: 'https://sre.google/workbook/on-call/',

  async observe({ config, tree }) {
    const { guide } = partOf(config, 'onCall');
    const { contacts, escalation } = await readContacts(config, tree);
    const { headings, links } = readPage(await tree.read(guide));
    const home = dirname(guide);
    const [files, beside] = await Promise.all([tree.files(), tree.files(`${home}/*.md`)]);
    const inside = links
      .map(({ target }) => target.split('#')[0] ?? '')
      .filter((path) => path && !/^[a-z]+:/i.test(path));
    const linked = inside.map((path) => normalize(`${home}/${path}`).replace(/\/$/, ''));
    const pages = beside.filter((path) => path !== guide);
    const facts: Facts = {
      ...{ guide, headings, pages, unlinked: pages.filter((path) => !linked.includes(path)) },
      dead: linked.filter((path) => !files.some((file) => file === path || file.startsWith(`${path}/`))),
      escalation: escalation.map(({ severity, to }) => ({ severity, to })),
      known: contacts.flatMap(({ role, name }) => [role, name]),
    };
    return { examined: 1 + pages.length + escalation.length, facts };
  },

  judge: ({ guide, headings, dead, unlinked, escalation, known }) =>
    [
      ...sections
        .filter(([, pattern]) => !headings.some((title) => pattern.test(title)))
        .map(([what]) => ({ message: `no section says ${what}` })),
      ...dead.map((path) => ({ message: `it leads to ${path}, which is not there` })),
      ...unlinked.map((path) => ({ message: `it does not lead to ${path}` })),
      ...escalation.flatMap(({ severity, to }) =>
        to
          .filter((who) => !known.includes(who))
          .map((who) => ({ message: `severity ${severity} escalates to ${who}, who is none of the contacts` })),
      ),
      ...(escalation.some(({ to }) => to.length > 0) ? [] : [{ message: 'no severity escalates to anybody' }]),
    ].map((finding): Finding => ({ file: guide, ...finding })),

  samples: {
    good: [good],
    bad: [
      { ...good, headings: ['An incident', 'Alerts'] },
      { ...good, dead: ['runbooks/gone.md'] },
      { ...good, unlinked: ['runbooks/DatabaseLost.md'] },
      { ...good, escalation: [{ severity: 1, to: ['Nobody'] }] },
      { ...good, escalation: [] },
    ],
  },

  prepare: (sandbox) => withPeople(sandbox),

  async sabotage(sandbox) {
    const { guide } = partOf(sandbox.config, 'onCall');
    await sandbox.scratch.write(`${dirname(guide)}/PlantedAlert.md`, '# PlantedAlert\n');
    return undefined;
  },
});
