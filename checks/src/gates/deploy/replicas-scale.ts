import { z } from 'zod';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { manifestSabotage } from './support/manifest-sabotage.ts';
import { type Manifest, readManifests, workloadsOf } from './support/manifests.ts';

interface Scaler {
  file: string;
  line: number;
  name: string;
  /** What it scales, where that is among the manifests. */
  target: { name: string; requestsCpu: boolean } | null;
  min: number;
  max: number;
  /** By what: resources and other metrics. */
  metrics: string[];
}

interface Facts {
  workloads: string[];
  scalers: Scaler[];
}

const spec = z.looseObject({
  scaleTargetRef: z.looseObject({ kind: z.string(), name: z.string() }),
  minReplicas: z.int().default(1),
  maxReplicas: z.int(),
  metrics: z
    .array(z.looseObject({ type: z.string(), resource: z.looseObject({ name: z.string() }).optional() }))
    .default([]),
});

const scaler: Scaler = {
  ...{ file: 'api.yaml', line: 40, name: 'api', min: 2, max: 8, metrics: ['cpu'] },
  target: { name: 'api', requestsCpu: true },
};
const good: Facts = { workloads: ['api'], scalers: [scaler] };
const withScaler = (change: Partial<Scaler>): Facts => ({ ...good, scalers: [{ ...scaler, ...change }] });

export default defineGate<Facts>({
  id: 'deploy/replicas-scale',
  severity: 'advisory',
  profile: 'static',
  needs: ['config:manifests'],
  files: ({ manifests }) => manifests?.files ?? [],
  covers: ['deployment.auto-scaling'],
  unit: 'workloads',
  why: 'On the morning when everybody trades nobody has a hand free to start replicas. And a scaler whose target names no request of its own never scales, without a word.',
  fix: 'Give the workload that answers requests a HorizontalPodAutoscaler: at least two replicas, room above them, and a metric that is requested.',
  source: 'https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/',

  async observe({ config, tree }) {
    const manifests = await readManifests(config, tree);
    const workloads = workloadsOf(manifests);
    const scalers = manifests.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
    const facts = {
      workloads: workloads.map(({ name }) => name),
      scalers: scalers.map((each) => read(each, workloads)),
    };
    return { examined: workloads.length, facts };
  },

  judge: ({ workloads, scalers }) =>
    scalers.length === 0
      ? [{ message: `nothing scales ${workloads.join(', ')}`, identity: 'none' }]
      : scalers.flatMap(({ file, line, name, target, min, max, metrics }) => {
          const wrong = [
            target === null && 'what it scales is not among the manifests',
            min < 2 && `it goes down to ${min}: one replica is none while it is replaced`,
            max <= min && `it has no room above ${min}`,
            metrics.length === 0 && 'it scales by nothing',
            target !== null &&
              metrics.includes('cpu') &&
              !target.requestsCpu &&
              `a container of ${target.name} requests no cpu, so that no share of it can be told`,
          ];
          return wrong
            .filter((each) => each !== false)
            .map((each) => ({ message: `${name}: ${each}`, file, line, identity: `${name} ${each}` }));
        }),

  samples: {
    good: [good],
    bad: [
      { ...good, scalers: [] },
      withScaler({ target: null }),
      withScaler({ min: 1 }),
      withScaler({ max: 2 }),
      withScaler({ metrics: [] }),
      withScaler({ target: { name: 'api', requestsCpu: false } }),
    ],
  },

  ...manifestSabotage,

  /** The scaler points at a workload that was renamed. */
  async sabotage({ scratch, config }) {
    for (const file of await scratch.files(...partOf(config, 'manifests').files)) {
      const text = await scratch.read(file);
      const broken = text.replace(/(scaleTargetRef:[\s\S]*?name: *)[\w-]+/, '$1renamed');
      if (broken === text) continue;
      await scratch.write(file, broken);
      return undefined;
    }
    throw new Error('no manifest has a scaler');
  },
});

function read({ file, line, name, object }: Manifest, workloads: ReturnType<typeof workloadsOf>): Scaler {
  const { scaleTargetRef, minReplicas: min, maxReplicas: max, metrics } = z.looseObject({ spec }).parse(object).spec;
  const target = workloads.find((each) => each.kind === scaleTargetRef.kind && each.name === scaleTargetRef.name);
  const containers = target?.spec.template.spec.containers ?? [];
  return {
    ...{ file, line, name, min, max },
    metrics: metrics.map(({ type, resource }) => resource?.name ?? type),
    target: target
      ? {
          name: target.name,
          requestsCpu: containers.every(({ resources }) => resources?.requests?.cpu !== undefined),
        }
      : null,
  };
}
