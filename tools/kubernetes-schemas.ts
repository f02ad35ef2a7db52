/**
 * Writes the JSON Schemas that kubeconform validates deploy/kubernetes against, out of Kubernetes' own OpenAPI document:
 *   go mod download -json k8s.io/kubernetes@v1.34.1     (prints `Dir`)
 *   node tools/kubernetes-schemas.ts DIR/api/openapi-spec/swagger.json
 * Only the kinds named below and what they refer to, without descriptions; a property that Kubernetes does not know is a fault.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = Record<string, unknown>;
interface Definition extends Json {
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}

const kinds: Readonly<Record<string, readonly string[]>> = {
  v1: ['ConfigMap', 'Namespace', 'Service', 'ServiceAccount'],
  'apps/v1': ['DaemonSet', 'Deployment', 'StatefulSet'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
  'batch/v1': ['CronJob', 'Job'],
  'networking.k8s.io/v1': ['Ingress', 'NetworkPolicy'],
  'policy/v1': ['PodDisruptionBudget'],
};
const directory = join(import.meta.dirname, 'kubernetes-schemas');
const [source = ''] = process.argv.slice(2);
const { definitions } = JSON.parse(readFileSync(source, 'utf8')) as { definitions: Record<string, Definition> };
const kept = new Map<string, Json>();

function nameOf(groupVersion: string, kind: string): string {
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  const found = Object.entries(definitions).find(([, definition]) => {
    const [only, ...others] = definition['x-kubernetes-group-version-kind'] ?? [];
    return others.length === 0 && only?.group === group && only.version === version && only.kind === kind;
  });
  if (!found) throw new Error(`${source} does not define ${groupVersion} ${kind}`);
  return found[0];
}

/** Without what is there for readers, and with every reference kept too. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(
    ([name, part]) => !name.startsWith('x-kubernetes') && !(name === 'description' && typeof part === 'string'),
  );
  for (const [name, part] of entries) if (name === '$ref') keep(String(part).split('/').at(-1) ?? '');
  return Object.fromEntries(entries.map(([name, part]) => [name, clean(part)]));
}

function keep(name: string): void {
  if (kept.has(name)) return;
  const definition = definitions[name];
  if (!definition) throw new Error(`${source} does not define ${name}`);
  kept.set(name, {});
  const closed = definition.properties && definition.additionalProperties === undefined;
  // A quantity or port is a number as often as a text, and the document knows one of them only.
  const isEither = definition.format === 'int-or-string' || name.endsWith('.Quantity');
  kept.set(
    name,
    isEither
      ? { oneOf: [{ type: 'string' }, { type: 'number' }] }
      : { ...(clean(definition) as Json), ...(closed ? { additionalProperties: false } : {}) },
  );
}

for (const [groupVersion, names] of Object.entries(kinds)) {
  for (const kind of names) {
    const name = nameOf(groupVersion, kind);
    keep(name);
    const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') : [undefined, groupVersion];
    // As kubeconform calls them: the kind, the first part of its group, and its version.
    const file = [kind, group?.split('.')[0], version].filter((part) => part !== undefined).join('-');
    const schema = { $ref: `definitions.json#/definitions/${name}` };
    writeFileSync(join(directory, `${file.toLowerCase()}.json`), `${JSON.stringify(schema)}\n`);
  }
}
const sorted = Object.fromEntries([...kept].sort(([one], [other]) => (one < other ? -1 : 1)));
writeFileSync(join(directory, 'definitions.json'), `${JSON.stringify({ definitions: sorted }, null, 1)}\n`);
