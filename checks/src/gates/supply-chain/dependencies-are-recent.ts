import { z } from 'zod';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';
import { answerOf, npm, withRegistry } from './support/registry.ts';

interface Behind {
  name: string;
  current: string;
  latest: string;
}

interface Facts {
  behind: Behind[];
}

/** https://docs.npmjs.com/cli/v11/commands/npm-outdated: an entry of one is an object, of several an array. */
const entry = z.object({
  current: z.string().optional(),
  wanted: z.string(),
  latest: z.string(),
});
const outdatedShape = z.record(z.string(), z.union([entry, z.array(entry)]));
const packageShape = z.object({
  name: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});
const lockShape = z.object({ packages: z.record(z.string(), packageShape.extend({ version: z.string().optional() })) });

export default defineGate<Facts>({
  id: 'supply-chain/dependencies-are-recent',
  severity: 'advisory',
  profile: 'release',
  needs: [],
  covers: ['supply-chain.up-to-date'],
  unit: 'direct dependencies',
  why: 'A dependency that is a year behind is raised in the hurry of its next vulnerability, over everything that changed since.',
  fix: 'npm install --save-exact NAME@VERSION, then the tests.',
  source: 'https://docs.npmjs.com/cli/v11/commands/npm-outdated',
  timeoutMs: 90_000,

  async observe(context) {
    const direct = await directDependencies(context);
    const outdated = await askOutdated(context);
    const behind = Object.entries(outdated).flatMap(([name, entries]) =>
      [entries]
        .flat()
        .map(({ current, wanted, latest }) => ({
          name,
          current: current ?? wanted,
          latest,
        }))
        .filter(({ current, latest }) => current !== latest),
    );
    return { examined: direct.size, facts: { behind } };
  },

  judge: ({ behind }) =>
    behind.map(({ name, current, latest }) => ({
      message: `${name} is ${current} here, and ${latest} is the latest stable version`,
      file: 'package-lock.json',
      identity: `${name} ${current}`,
      fix: `npm install --save-exact ${name}@${latest}, then the tests.`,
    })),

  samples: {
    good: [{ behind: [] }],
    bad: [{ behind: [{ name: 'express', current: '5.0.0', latest: '5.3.0' }] }],
  },

  /** What the real registry has changes from day to day: the copy asks one that has what the lockfile has, and nothing else. */
  prepare: (sandbox) => withVersions(sandbox, (version) => version),
  sabotage: (sandbox) => withVersions(sandbox, () => '9999.0.0'),
});

/** By name. @throws when the tree has no lockfile of npm's. */
async function directDependencies({ tree }: Pick<Context, 'tree'>): Promise<Map<string, string>> {
  const { packages } = lockShape.parse(JSON.parse(await tree.read('package-lock.json')));
  const own = Object.entries(packages).filter(([path]) => !path.includes('node_modules/'));
  const names = own.flatMap(([, { dependencies, devDependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }),
  );
  const places = own.map(([path]) => (path === '' ? '' : `${path}/`));
  const versionOf = (name: string) =>
    places.map((place) => packages[`${place}node_modules/${name}`]?.version).find((version) => version !== undefined);
  return new Map([...new Set(names)].map((name) => [name, versionOf(name) ?? '0.0.0']));
}

/** npm's exit code is 1 for what it found and for what it could not ask. */
async function askOutdated(context: Context): Promise<z.output<typeof outdatedShape>> {
  const result = await npm(context, 'outdated', '--json', '--all=false');
  const parsed = outdatedShape.safeParse(answerOf(result));
  if (parsed.success && result.code <= 1) return parsed.data;
  throw new Error(`the registry gave no answer about versions: ${lastLines(result, 3)}`);
}

async function withVersions(sandbox: Sandbox, latestOf: (version: string) => string): Promise<Undo> {
  const direct = await directDependencies({ tree: sandbox.scratch });
  return withRegistry(sandbox, (request, response) => {
    const name = decodeURIComponent((request.url ?? '').slice(1).split('?')[0] ?? '');
    const version = direct.get(name);
    response.setHeader('content-type', 'application/json');
    if (version === undefined) return response.writeHead(404).end('{}');
    const latest = latestOf(version);
    const versions = Object.fromEntries([version, latest].map((each) => [each, { name, version: each, dist: {} }]));
    return response.end(JSON.stringify({ name, 'dist-tags': { latest }, versions }));
  });
}
