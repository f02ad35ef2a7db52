import { LineCounter, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { type Config, partOf } from '../../../config.ts';
import type { Tree } from '../../../io/tree.ts';

/** One object of a manifest, with the line where it begins. */
export interface Manifest {
  file: string;
  line: number;
  kind: string;
  name: string;
  /** As it was read: what a gate wants of it, it parses itself. */
  object: unknown;
}

const head = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });

/** Every object of every manifest. @throws when one cannot be read as such: what is in it cannot be judged. */
export async function readManifests(config: Pick<Config, 'manifests'>, tree: Tree): Promise<Manifest[]> {
  const files = await tree.files(...partOf(config, 'manifests').files);
  const read = await Promise.all(files.map(async (file) => manifestsOf(file, await tree.read(file))));
  return read.flat();
}

/** @throws with the file's name when a document is no YAML, or no object with a kind and a name. */
export function manifestsOf(file: string, text: string): Manifest[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter, merge: true });
  if (!Array.isArray(documents)) return [];
  return documents
    .filter((document) => document.contents !== null)
    .map((document) => {
      const [error] = document.errors;
      if (error) throw new Error(`${file} is no YAML: ${error.message.split('\n')[0]}`);
      const object: unknown = document.toJS();
      const parsed = head.safeParse(object);
      const [start = 0] = document.contents?.range ?? [];
      const { line } = lineCounter.linePos(start);
      if (!parsed.success) throw new Error(`${file}:${line} is no object with a kind and a name`);
      return { file, line, kind: parsed.data.kind, name: parsed.data.metadata.name, object };
    });
}

const probe = z.looseObject({
  httpGet: z.looseObject({ path: z.string() }).optional(),
  periodSeconds: z.int().optional(),
  timeoutSeconds: z.int().optional(),
  failureThreshold: z.int().optional(),
});
const container = z.looseObject({
  name: z.string(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  resources: z.looseObject({ requests: z.record(z.string(), z.unknown()).optional() }).optional(),
});
const workload = z.looseObject({
  spec: z.looseObject({
    replicas: z.int().optional(),
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()).optional() }).optional(),
      spec: z.looseObject({ containers: z.array(container).min(1) }),
    }),
  }),
});

export type Probe = z.output<typeof probe>;
export type Workload = z.output<typeof workload>['spec'];

/** What keeps running, and is probed, replaced and scaled. Jobs end. */
const running = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

export function workloadsOf(manifests: readonly Manifest[]): (Manifest & { spec: Workload })[] {
  return manifests
    .filter(({ kind }) => running.has(kind))
    .map((manifest) => ({ ...manifest, spec: workload.parse(manifest.object).spec }));
}
