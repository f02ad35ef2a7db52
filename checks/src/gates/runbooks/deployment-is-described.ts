import { posix } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';

interface Facts {
  page: string;
  headings: string[];
  /** Numbered steps, and lines that are typed. */
  steps: number;
  commands: number;
  /** Variables that must be set, and those of them that the page does not name. */
  required: string[];
  unnamed: string[];
  /** Files that the page leads to, or has somebody run, and that are not there. */
  dead: string[];
}

const fewestSteps = 3;
const wantedSections: readonly [string, RegExp][] = [
  ['what must be so before', /\b(before|prerequisites?|preparation)\b/i],
  ['the environment', /\b(environment|configuration|variables)\b/i],
  ['the steps', /\b(steps?|deploy\w*|roll-?out)\b/i],
  ['how to verify', /\b(verif\w*|checks?|after)\b/i],
];

const good: Facts = {
  ...{ page: 'RUNBOOK.md', headings: ['Before', 'Environment', 'Steps', 'Verify'], steps: 5, commands: 6 },
  ...{ required: ['DATABASE_URL'], unnamed: [], dead: [] },
};

export default defineGate<Facts>({
  id: 'runbooks/deployment-is-described',
  severity: 'warning',
  profile: 'static',
  needs: ['config:deployment'],
  covers: ['runbooks.deployment'],
  unit: 'steps and commands',
  why: 'The one who always rolls out is on holiday on the day when it has to be done; what is not written down is then found out on customers.',
  fix: 'Write what is typed, in its order, with every variable that must be set, and with how to see that it worked.',
  source: 'https://sre.google/sre-book/release-engineering/',

  async observe({ config, tree }) {
    const { runbook: page } = partOf(config, 'deployment');
    const text = await tree.read(page);
    const files = new Set(await tree.files());
    const required = Object.entries(config.service.variables).flatMap(([name, each]) => (each.required ? [name] : []));
    const facts = {
      ...{ page, headings: [...text.matchAll(/^#{2,} +(.+)$/gm)].map(([, heading = '']) => heading) },
      steps: [...text.matchAll(/^\d+\. /gm)].length,
      commands: commandsOf(text).length,
      ...{ required, unnamed: required.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)) },
      dead: filesNamed(page, text).filter((file) => !files.has(file)),
    };
    return { examined: facts.steps + facts.commands, facts };
  },

  judge: ({ page, headings, steps, commands, unnamed, dead }) => {
    const absent = wantedSections.filter(([, heading]) => !headings.some((each) => heading.test(each)));
    return [
      ...absent.map(([what]) => `there is no section on ${what}`),
      ...(steps < fewestSteps ? [`it has ${steps} numbered steps: ${fewestSteps} are the fewest`] : []),
      ...(commands === 0 ? ['it says nothing that could be typed'] : []),
      ...unnamed.map((name) => `it does not name ${name}, which must be set`),
      ...dead.map((file) => `it names ${file}, which is not there`),
    ].map((message) => ({ message, file: page }));
  },

  samples: {
    good: [good],
    bad: [
      { ...good, headings: ['Before', 'Environment', 'Steps'] },
      { ...good, steps: 2 },
      { ...good, commands: 0 },
      { ...good, unnamed: ['DATABASE_URL'] },
      { ...good, dead: ['deploy/gone.sh'] },
    ],
  },

  async prepare({ config, scratch }) {
    if (config.deployment) return undefined;
    const runbook = 'preflight-runbook.md';
    const names = Object.keys(config.service.variables).join(', ');
    const sections = `## Before\n\n1. Look.\n\n## Environment\n\n2. Set ${names}.\n\n## Steps\n\n3. Go:\n\n       true\n\n## Verify\n`;
    await scratch.write(runbook, `# Rolling out\n\n${sections}`);
    config.deployment = { runbook };
    return async () => {
      delete config.deployment;
    };
  },

  /** Somebody thought that the end went without saying. */
  async sabotage({ config, scratch }) {
    const { runbook } = partOf(config, 'deployment');
    const text = await scratch.read(runbook);
    await scratch.write(runbook, text.replaceAll(/^#+ .*\b(verif\w*|checks?|after)\b.*$/gim, ''));
    return undefined;
  },
});

/** Lines of code blocks, whether they are fenced or indented. */
function commandsOf(text: string): string[] {
  const fenced = [...text.matchAll(/^(```|~~~)[^\n]*\n([\s\S]*?)^\1/gm)].flatMap(([, , code = '']) => code.split('\n'));
  const indented = [...text.matchAll(/^(?: {4,}|\t)(\S.*)$/gm)].map(([, line = '']) => line);
  return [...fenced, ...indented].map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** Links to other pages, and paths of the repository in code. */
function filesNamed(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(([, path = '']) =>
    posix.join(posix.dirname(page), path),
  );
  const paths = [...text.matchAll(/(?<![\w:./-])((?:[\w-]+\/)+[\w.-]+\.(?:sh|ts|yaml|yml|md|conf|sql))\b/g)];
  return [...new Set([...links, ...paths.map(([, path = '']) => path)])];
}
