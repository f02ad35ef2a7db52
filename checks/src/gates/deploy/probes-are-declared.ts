import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { manifestSabotage } from './support/manifest-sabotage.ts';
import { type Probe, readManifests, workloadsOf } from './support/manifests.ts';

interface Declared {
  path: string | null;
  /** Null: left to a default that nobody chose. */
  periodSeconds: number | null;
  timeoutSeconds: number | null;
  failureThreshold: number | null;
}

interface Container {
  file: string;
  line: number;
  name: string;
  liveness: Declared | null;
  readiness: Declared | null;
}

interface Facts {
  paths: { liveness: string; readiness: string };
  containers: Container[];
  images: { file: string; hasHealthcheck: boolean }[];
}

/** Sooner than this after it can no longer serve, a replica gets no requests any more. */
const outWithinSeconds = 15;
/** And a process that turns no more is replaced. */
const replacedWithinSeconds = 60;

const live = { path: '/live', periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 3 };
const ready = { path: '/ready', periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 2 };
const container = { file: 'api.yaml', line: 1, name: 'api/service', liveness: live, readiness: ready };
const good: Facts = {
  paths: { liveness: '/live', readiness: '/ready' },
  containers: [container],
  images: [{ file: 'Dockerfile', hasHealthcheck: true }],
};
const withContainer = (change: Partial<Container>): Facts => ({ ...good, containers: [{ ...container, ...change }] });

export default defineGate<Facts>({
  id: 'deploy/probes-are-declared',
  severity: 'blocker',
  profile: 'static',
  needs: ['config:manifests'],
  files: ({ manifests }) => [...(manifests?.files ?? []), ...(manifests?.images ?? [])],
  covers: ['http.health.automated', 'http.health.failover', 'http.health.deployed', 'failover.thresholds'],
  unit: 'containers',
  why: 'A replica that nobody asks goes on getting orders after it has stopped to serve; one whose liveness asks for the database is killed because that is away.',
  fix: 'Declare both probes with their own paths, and say period, timeout and threshold: the defaults are nobody’s decision.',
  source: 'https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/',

  async observe({ config, tree }) {
    const { images: dockerfiles } = partOf(config, 'manifests');
    const { liveness, readiness } = config.service;
    const containers = workloadsOf(await readManifests(config, tree)).flatMap(({ file, line, name, spec }) =>
      spec.template.spec.containers.map((each) => ({
        ...{ file, line, name: `${name}/${each.name}` },
        liveness: declared(each.livenessProbe),
        readiness: declared(each.readinessProbe),
      })),
    );
    const images = await Promise.all(
      dockerfiles.map(async (file) => ({ file, hasHealthcheck: hasHealthcheck(await tree.read(file)) })),
    );
    return { examined: containers.length, facts: { paths: { liveness, readiness }, containers, images } };
  },

  judge: ({ paths, containers, images }) => [
    ...containers.flatMap((each) => [
      ...probeFaults(each, 'liveness', paths.liveness, replacedWithinSeconds),
      ...probeFaults(each, 'readiness', paths.readiness, outWithinSeconds),
    ]),
    ...images
      .filter((image) => !image.hasHealthcheck)
      .map(({ file }) => ({ message: 'has no HEALTHCHECK', file, fix: 'Add HEALTHCHECK CMD […] that asks liveness.' })),
  ],

  samples: {
    good: [good, { ...good, images: [] }],
    bad: [
      withContainer({ liveness: null }),
      withContainer({ readiness: null }),
      withContainer({ liveness: ready }),
      withContainer({ readiness: { ...ready, path: null } }),
      withContainer({ readiness: { ...ready, timeoutSeconds: null } }),
      withContainer({ readiness: { ...ready, failureThreshold: null } }),
      withContainer({ liveness: { ...live, periodSeconds: null } }),
      withContainer({ readiness: { ...ready, periodSeconds: 30 } }),
      withContainer({ liveness: { ...live, failureThreshold: 100 } }),
      { ...good, images: [{ file: 'Dockerfile', hasHealthcheck: false }] },
    ],
  },

  ...manifestSabotage,

  /** The probe that takes a replica out of service asks for nothing that could be away. */
  async sabotage({ scratch, config }) {
    const { liveness, readiness } = config.service;
    for (const file of await scratch.files(...partOf(config, 'manifests').files)) {
      const text = await scratch.read(file);
      if (!text.includes(`path: ${readiness}`)) continue;
      await scratch.write(file, text.replaceAll(`path: ${readiness}`, `path: ${liveness}`));
      return undefined;
    }
    throw new Error('no manifest names the path of readiness');
  },
});

function declared(probe: Probe | undefined): Declared | null {
  if (!probe) return null;
  const { httpGet, periodSeconds = null, timeoutSeconds = null, failureThreshold = null } = probe;
  return { path: httpGet?.path ?? null, periodSeconds, timeoutSeconds, failureThreshold };
}

/** `HEALTHCHECK NONE` takes away what an image below had. */
function hasHealthcheck(dockerfile: string): boolean {
  return /^HEALTHCHECK\s+(?!NONE)/im.test(dockerfile);
}

function probeFaults(
  { file, line, name, ...probes }: Container,
  kind: 'liveness' | 'readiness',
  path: string,
  withinSeconds: number,
): Finding[] {
  const probe = probes[kind];
  const at = (message: string, what = 'probe') => ({
    message: `${name}: ${message}`,
    file,
    line,
    identity: `${name} ${kind} ${what}`,
  });
  if (!probe) return [at(`no ${kind} probe`)];
  const { periodSeconds, timeoutSeconds, failureThreshold } = probe;
  const wrong = probe.path === path ? [] : [at(`its ${kind} probe asks ${probe.path ?? 'no path'}, and not ${path}`)];
  if (periodSeconds === null || timeoutSeconds === null || failureThreshold === null)
    return [...wrong, at(`its ${kind} probe leaves period, timeout or threshold to a default`, 'thresholds')];
  const slowest = periodSeconds * failureThreshold + timeoutSeconds;
  if (slowest <= withinSeconds) return wrong;
  return [...wrong, at(`its ${kind} probe takes up to ${slowest} s to see it: ${withinSeconds} are the most`, 'time')];
}
