import { z } from 'zod';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { manifestSabotage } from './support/manifest-sabotage.ts';
import { type Manifest, readManifests, workloadsOf } from './support/manifests.ts';

interface RollOut {
  file: string;
  line: number;
  name: string;
  replicas: number;
  /** `RollingUpdate`, or what ends all of them before the first new one begins. */
  strategy: string;
  /** How many may be away at once while they are replaced. */
  away: number;
}

interface Facts {
  rollOuts: RollOut[];
}

/** Kubernetes' own default. */
const defaultShare = '25%';
const spec = z.looseObject({
  replicas: z.int().min(0).default(1),
  strategy: z
    .looseObject({
      type: z.string().default('RollingUpdate'),
      rollingUpdate: z.looseObject({ maxUnavailable: z.union([z.int(), z.string()]).default(defaultShare) }).optional(),
    })
    .prefault({}),
});

const rollOut: RollOut = { file: 'api.yaml', line: 1, name: 'api', replicas: 3, strategy: 'RollingUpdate', away: 0 };
const withRollOut = (change: Partial<RollOut>): Facts => ({ rollOuts: [{ ...rollOut, ...change }] });

export default defineGate<Facts>({
  id: 'deploy/roll-outs-keep-serving',
  severity: 'blocker',
  profile: 'static',
  needs: ['config:manifests'],
  files: ({ manifests }) => manifests?.files ?? [],
  covers: ['deployment.rolling'],
  unit: 'deployments',
  why: 'A service that can be replaced without a failed request is down all the same, when what rolls it out ends every replica first.',
  fix: 'Two replicas or more, strategy RollingUpdate, and maxUnavailable: 0.',
  source: 'https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy',

  async observe({ config, tree }) {
    const deployments = workloadsOf(await readManifests(config, tree)).filter(({ kind }) => kind === 'Deployment');
    return { examined: deployments.length, facts: { rollOuts: deployments.map(read) } };
  },

  judge: ({ rollOuts }) =>
    rollOuts.flatMap(({ file, line, name, replicas, strategy, away }) => {
      const wrong = [
        replicas < 2 && `it has ${replicas} replicas: none serves while one is replaced`,
        strategy !== 'RollingUpdate' && `its strategy is ${strategy}: all end before the first new one begins`,
        replicas >= 2 && away >= replicas && `all of its ${replicas} replicas may be away at once`,
      ];
      return wrong
        .filter((each) => each !== false)
        .map((each) => ({ message: `${name}: ${each}`, file, line, identity: `${name} ${each}` }));
    }),

  samples: {
    good: [withRollOut({}), withRollOut({ away: 2 })],
    bad: [withRollOut({ replicas: 1 }), withRollOut({ strategy: 'Recreate' }), withRollOut({ away: 3 })],
  },

  ...manifestSabotage,

  /** Somebody saves a replica. */
  async sabotage({ scratch, config }) {
    for (const file of await scratch.files(...partOf(config, 'manifests').files)) {
      const text = await scratch.read(file);
      const broken = text.replace(/^( *)replicas: *\d+/m, '$1replicas: 1');
      if (broken === text) continue;
      await scratch.write(file, broken);
      return undefined;
    }
    throw new Error('no manifest says how many replicas there are');
  },
});

function read({ file, line, name, object }: Manifest): RollOut {
  const { replicas, strategy } = z.looseObject({ spec }).parse(object).spec;
  const most = strategy.rollingUpdate?.maxUnavailable ?? defaultShare;
  // A share is rounded down, as Kubernetes does.
  const away = typeof most === 'number' ? most : Math.floor((Number.parseFloat(most) / 100) * replicas);
  return { file, line, name, replicas, strategy: strategy.type, away };
}
