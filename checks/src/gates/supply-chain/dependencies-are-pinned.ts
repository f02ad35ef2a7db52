import { posix } from 'node:path';
import { defineGate } from '../../engine/gate.ts';
import type { Tree } from '../../io/tree.ts';
import { judgeGoModule } from './go-pins.ts';
import { judgeDockerfile, judgeWorkflow } from './image-and-action-pins.ts';
import { judgeLock, judgeManifests, judgeScripts, readLock, readManifest } from './npm-pins.ts';
import { joined, type Loose, type Pins } from './pins.ts';

interface Facts {
  loose: Loose[];
  /** Findings beyond those that are listed. */
  more: number;
  /** How many dependencies of each kind were looked at. */
  examined: { declared: number; locked: number; goModules: number; actions: number; images: number };
  /** Base images with an exact tag and no digest: advice, not a finding. */
  imagesWithoutDigest: string[];
}

export default defineGate<Facts>({
  id: 'supply-chain/dependencies-are-pinned',
  severity: 'blocker',
  profile: 'static',
  needs: [],
  files: ['**'],
  covers: ['supply-chain.pinned'],
  unit: 'dependencies',
  why: 'What is not pinned is chosen anew at every installation: what was tested is not what is released, and a hijacked version arrives by itself.',
  fix: 'Pin the exact version, commit the lockfile, and let a bot propose updates.',
  source: 'https://github.com/ossf/scorecard/blob/main/docs/checks.md#pinned-dependencies',

  async observe({ tree }) {
    const files = await tree.files();
    const npm = await lookAtNpm(tree, files);
    const go = await eachFile(tree, files, goModule, async (path, text) =>
      judgeGoModule(path, text, await readIfThere(tree, files, posix.join(posix.dirname(path), 'go.sum'))),
    );
    const actions = await eachFile(tree, files, workflow, judgeWorkflow);
    const images = await eachFile(tree, files, dockerfile, judgeDockerfile);
    const all = joined([npm.declared, npm.locked, ...go, ...actions, ...images]);
    const loose = [...npm.scripts, ...all.loose];
    const examined = {
      declared: npm.declared.examined,
      locked: npm.locked.examined,
      goModules: joined(go).examined,
      actions: joined(actions).examined,
      images: joined(images).examined,
    };
    const imagesWithoutDigest = images.flatMap(({ withoutDigest }) => withoutDigest);
    const listed = loose.slice(0, listedLoose);
    return {
      examined: all.examined,
      facts: { loose: listed, more: loose.length - listed.length, examined, imagesWithoutDigest },
    };
  },

  judge: ({ loose, more }) => [
    ...loose.map(({ file, line, name, wrong, fix }) => ({
      message: `${name} ${wrong}`,
      file,
      line,
      identity: `${name} ${wrong}`,
      fix,
    })),
    ...(more > 0 ? [{ message: `${more} more dependencies are not pinned`, identity: 'more' }] : []),
  ],

  samples: {
    good: [sample({})],
    bad: [
      sample({
        loose: [
          {
            file: 'package.json',
            line: 12,
            name: 'express',
            wrong: 'is asked for as "^5.0.0", which is no exact version',
            fix: '"express": "5.1.0" (npm install --save-exact express@5.1.0)',
          },
        ],
      }),
      sample({ more: 4 }),
    ],
  },

  async sabotage({ scratch }) {
    for (const path of await scratch.files('**/package.json')) {
      const text = await scratch.read(path);
      const loosened = text.replace(/("(?:dependencies|devDependencies)"\s*:\s*\{\s*"[^"]+"\s*:\s*")(\d)/, '$1^$2');
      if (loosened === text) continue;
      await scratch.write(path, loosened);
      return undefined;
    }
    throw new Error('no package.json has a pinned dependency that could be loosened');
  },
});

const listedLoose = 200;
const goModule = /(^|\/)go\.mod$/;
const workflow = /^\.github\/workflows\/[^/]+\.ya?ml$|(^|\/)action\.ya?ml$/;
const dockerfile = /(^|\/)([\w.-]+\.)?(Dockerfile|Containerfile)(\.[\w.-]+)?$/i;
const foreignLock = /(^|\/)(pnpm-lock\.yaml|yarn\.lock|bun\.lockb?)$/;

/** @throws for a lockfile of another package manager: what cannot be read is not called pinned. */
async function lookAtNpm(
  tree: Tree,
  files: readonly string[],
): Promise<{ declared: Pins; locked: Pins; scripts: Loose[] }> {
  const foreign = files.find((path) => foreignLock.test(path));
  if (foreign)
    throw new Error(`${foreign} is the lockfile of a package manager that this gate cannot read; npm's it can`);
  const manifests = await eachFile(tree, files, /(^|\/)package\.json$/, readManifest);
  const locks = await eachFile(tree, files, /(^|\/)(package-lock|npm-shrinkwrap)\.json$/, readLock);
  const scripts: Loose[] = [];
  for (const lock of locks) {
    const npmrc = await readIfThere(tree, files, posix.join(lock.directory, '.npmrc'));
    const manifest = manifests.find(({ directory }) => directory === lock.directory);
    scripts.push(...judgeScripts(lock, manifest, npmrc ?? ''));
  }
  return { declared: judgeManifests(manifests, locks), locked: joined(locks.map(judgeLock)), scripts };
}

async function eachFile<Seen>(
  tree: Tree,
  files: readonly string[],
  pattern: RegExp,
  look: (path: string, text: string) => Seen | Promise<Seen>,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const path of files.filter((candidate) => pattern.test(candidate)))
    seen.push(await look(path, await tree.read(path)));
  return seen;
}

async function readIfThere(tree: Tree, files: readonly string[], path: string): Promise<string | undefined> {
  return files.includes(path) ? await tree.read(path) : undefined;
}

function sample(change: Partial<Facts>): Facts {
  const examined = { declared: 20, locked: 240, goModules: 0, actions: 6, images: 1 };
  return { loose: [], more: 0, examined, imagesWithoutDigest: [], ...change };
}
