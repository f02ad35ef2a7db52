import { dirname, normalize } from 'node:path';
import { z } from 'zod';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { anchorOf, type Page, readPage, wantsOf } from './support/page.ts';

interface Place {
  /** What is written there. */
  text: string;
  line: number;
}

interface Facts {
  file: string;
  headings: string[];
  diagrams: number;
  /** Links to what is not in the tree, and to headings that are not on the page. */
  dead: Place[];
  /** Commands whose script, target or file is not there. */
  unknown: Place[];
  /** Variables that the service cannot start without, and that neither the page nor a file that it links to names. */
  unexplained: string[];
}

/** What a reader looks for, by what its heading would be called. */
const sections: readonly (readonly [string, RegExp, string])[] = [
  ['how it is deployed', /\bdeploy|\brelease|\broll(ing)?[ -]?out|\binstall/i, 'Deploy'],
  ['how it is built up', /\barchitecture|\bmap\b|\boverview|\bhow it works|\bdesign/i, 'Architecture'],
  ['how it is configured', /\bconfig|\benvironment|\bvariables|\bsettings|\bthe .*service\b/i, 'Configuration'],
];

const good: Facts = {
  ...{ file: 'README.md', headings: ['Architecture', 'Configuration', 'Deploy'], diagrams: 1 },
  ...{ dead: [], unknown: [], unexplained: [] },
};

export default defineGate<Facts>({
  id: 'documentation/readme-is-whole',
  severity: 'warning',
  profile: 'static',
  needs: [],
  covers: ['documentation.readme', 'documentation.architecture'],
  unit: 'links and commands',
  why: 'Whoever comes new types what the README says: a command that is gone costs them the first hour, and their trust.',
  fix: 'Mend the README, or what it promises.',
  source: 'https://www.writethedocs.org/guide/writing/beginners-guide-to-docs/',

  async observe(context) {
    const { readme: file } = context.config.documentation;
    const text = await context.tree.read(file);
    const page = readPage(text);
    const files = new Set(await context.tree.files());
    const dead = await deadLinks(context, file, page, files);
    const unknown = await unknownCommands(context, page, files);
    const unexplained = await unexplainedVariables(context, file, text, page, files);
    const { headings, diagrams } = page;
    const examined = page.links.length + page.commands.filter(({ text: command }) => wantsOf(command)).length;
    return { examined, facts: { file, headings, diagrams, dead, unknown, unexplained } };
  },

  judge: ({ file, headings, diagrams, dead, unknown, unexplained }) => {
    const at = (place: Place, message: string): Finding => ({ message, file, line: place.line, identity: place.text });
    const missing = sections.filter(([, pattern]) => !headings.some((title) => pattern.test(title)));
    return [
      ...dead.map((place) => at(place, `a link leads nowhere: ${place.text}`)),
      ...unknown.map((place) => at(place, `a command that does not exist: ${place.text}`)),
      ...missing.map(([what, , title]) => ({ file, message: `no section says ${what}`, fix: `Add one: ## ${title}` })),
      ...(diagrams > 0
        ? []
        : [{ file, message: 'nothing draws how the parts hang together', fix: 'Add a ```mermaid block.' }]),
      ...unexplained.map((name) => ({
        ...{ file, message: `${name} is required, and neither the page nor a file that it links to names it` },
        fix: 'List it with what it means, or link to the file that does.',
      })),
    ];
  },

  samples: {
    good: [good],
    bad: [
      { ...good, headings: ['Architecture', 'Configuration'] },
      { ...good, diagrams: 0 },
      { ...good, dead: [{ text: 'docs/gone.md', line: 3 }] },
      { ...good, unknown: [{ text: 'npm run gone', line: 4 }] },
      { ...good, unexplained: ['DATABASE_URL'] },
    ],
  },

  async sabotage({ config, scratch }) {
    const { readme } = config.documentation;
    await scratch.write(readme, `${await scratch.read(readme)}\nSee [the rest](no/such/page.md).\n`);
    return undefined;
  },
});

const elsewhere = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i;

/** A link inside of the tree, as a path; the empty string is the page itself. */
function targetOf(file: string, target: string): { path: string; anchor: string } {
  const [path = '', anchor = ''] = decodeURI(target).split('#');
  if (path === '') return { path: '', anchor };
  const inside = path.startsWith('/') ? path.slice(1) : normalize(`${dirname(file)}/${path}`);
  return { path: inside.replace(/\/$/, '').replace(/^\.\//, ''), anchor };
}

function isThere(path: string, files: ReadonlySet<string>): boolean {
  return path === '.' || files.has(path) || [...files].some((each) => each.startsWith(`${path}/`));
}

async function deadLinks({ tree }: Context, file: string, page: Page, files: ReadonlySet<string>): Promise<Place[]> {
  const dead: Place[] = [];
  for (const { target, line } of page.links.filter((each) => !elsewhere.test(each.target))) {
    const { path, anchor } = targetOf(file, target);
    const whole = path === '' || isThere(path, files);
    const headings =
      path === '' ? page.headings : files.has(path) && anchor ? readPage(await tree.read(path)).headings : [];
    const known = anchor === '' || !/(^|\.md)$/i.test(path) || headings.map(anchorOf).includes(anchor);
    if (!whole || !known) dead.push({ text: target, line });
  }
  return dead;
}

const packageShape = z.object({ scripts: z.record(z.string(), z.string()).default({}) });

async function unknownCommands({ tree }: Context, page: Page, files: ReadonlySet<string>): Promise<Place[]> {
  const scripts = files.has('package.json')
    ? packageShape.parse(JSON.parse(await tree.read('package.json'))).scripts
    : {};
  const makefile = files.has('Makefile') ? await tree.read('Makefile') : '';
  const targets = new Set([...makefile.matchAll(/^([\w][\w./-]*)\s*:(?!=)/gm)].map(([, name]) => name));
  return page.commands.flatMap(({ text, line }) => {
    const wants = wantsOf(text);
    if (!wants) return [];
    const known = { script: wants.name in scripts, target: targets.has(wants.name), file: isThere(wants.name, files) };
    return known[wants.kind] ? [] : [{ text, line }];
  });
}

async function unexplainedVariables(
  { config, tree }: Context,
  file: string,
  text: string,
  page: Page,
  files: ReadonlySet<string>,
): Promise<string[]> {
  const required = Object.entries(config.service.variables).flatMap(([name, { required: is }]) => (is ? [name] : []));
  const linked = page.links
    .filter(({ target }) => !elsewhere.test(target))
    .map(({ target }) => targetOf(file, target).path);
  const texts = await Promise.all(
    [...new Set(linked)].filter((path) => files.has(path)).map((path) => tree.read(path)),
  );
  return required.filter((name) => ![text, ...texts].some((each) => each.includes(name)));
}
