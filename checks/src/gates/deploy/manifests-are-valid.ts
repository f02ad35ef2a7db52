import { join, relative } from 'node:path';
import { z } from 'zod';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import { manifestSabotage } from './support/manifest-sabotage.ts';

interface Seen {
  file: string;
  kind: string;
  name: string;
  /** Empty: it is what Kubernetes takes. */
  wrong: string;
}

interface Facts {
  objects: Seen[];
  /** Files that match and are in no commit: nobody else has them. */
  untracked: string[];
}

const output = z.object({
  resources: z.array(
    z.object({
      filename: z.string(),
      kind: z.string(),
      name: z.string(),
      status: z.enum(['statusValid', 'statusInvalid', 'statusError', 'statusSkipped', 'statusEmpty']),
      msg: z.string(),
    }),
  ),
});
/** Schemas could not be had: nothing was looked at then. */
const unreachable = /failed downloading|dial tcp|no such host|context deadline|connection refused/i;

const good: Facts = {
  objects: [{ file: 'deploy/api.yaml', kind: 'Deployment', name: 'api', wrong: '' }],
  untracked: [],
};

export default defineGate<Facts>({
  id: 'deploy/manifests-are-valid',
  severity: 'blocker',
  profile: 'static',
  needs: ['git', 'kubeconform', 'config:manifests'],
  files: ({ manifests }) => [...(manifests?.files ?? []), ...(manifests?.schemas ? [`${manifests.schemas}/*`] : [])],
  covers: ['backups.infrastructure', 'backups.strategy.whole'],
  unit: 'objects',
  why: 'A misspelt field is dropped without a word: the limit, the probe or the policy that it was is then not there. And what only one machine has cannot be put up again.',
  fix: 'Mend the object: kubectl explain KIND.FIELD says what is known there.',
  source: 'https://github.com/yannh/kubeconform#overview-of-features',

  async observe(context) {
    const { config, tree } = context;
    const { files: globs, schemas } = partOf(config, 'manifests');
    const files = await tree.files(...globs);
    if (files.length === 0) throw new Error(`${globs.join(', ')} names no file`);
    const objects = await validate(context, files, schemas);
    const tracked = await context.exec('git', ['ls-files', '-z', '--', ...files]);
    if (tracked.code !== 0) throw new Error(`git ls-files ended with ${tracked.code}: ${lastLines(tracked)}`);
    const known = new Set(tracked.stdout.split('\0'));
    return { examined: objects.length, facts: { objects, untracked: files.filter((file) => !known.has(file)) } };
  },

  judge: ({ objects, untracked }) => [
    ...objects
      .filter(({ wrong }) => wrong !== '')
      .map(({ file, kind, name, wrong }) => ({
        message: `${kind || 'an object'} ${name}: ${wrong}`,
        file,
        identity: `${kind} ${name}`,
      })),
    ...untracked.map((file) => ({
      message: 'is in no commit',
      file,
      fix: `git add ${file}, and commit it: what runs must be able to be put up again.`,
    })),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, objects: [{ file: 'a.yaml', kind: 'Service', name: 'a', wrong: 'additional property portz' }] },
      { ...good, objects: [{ file: 'a.yaml', kind: '', name: '', wrong: 'error while parsing' }] },
      { ...good, untracked: ['deploy/api.yaml'] },
    ],
  },

  ...manifestSabotage,

  /** A field that is misspelt. */
  async sabotage({ scratch, config }) {
    const [file = ''] = await scratch.files(...partOf(config, 'manifests').files);
    await scratch.edit(file, /^kind: /m, 'kinds: nothing\nkind: ');
    return undefined;
  },
});

/** One process for all files, with the tree's own schemas. */
async function validate({ tree, tools, exec }: Context, files: string[], schemas?: string): Promise<Seen[]> {
  const location = schemas && ['-schema-location', join(tree.root, schemas, '{{.ResourceKind}}{{.KindSuffix}}.json')];
  const args = ['-strict', '-verbose', '-output', 'json', ...(location || []), ...files];
  const result = await exec(tools.path('kubeconform'), args);
  // Exit code 1 is both "found something" and "could not look": only the report tells.
  if (result.stdout.trim() === '') throw new Error(`kubeconform ended with ${result.code}: ${lastLines(result)}`);
  return output.parse(JSON.parse(result.stdout)).resources.map(({ filename, kind, name, status, msg }) => {
    if (unreachable.test(msg)) throw new Error(`kubeconform has no schemas to look by: ${msg}`);
    const isGood = status === 'statusValid' || status === 'statusEmpty';
    const file = relative(tree.root, join(tree.root, filename));
    return { file, kind, name, wrong: isGood ? '' : msg || 'it was skipped' };
  });
}
