import type { Loose, Pins } from './pins.ts';

const uses = /(?:^|[\s{,-])uses:\s*["']?([^"'\s,}#]+)/;

/** Every action of a workflow, by commit: a tag can be moved to another one. */
export function judgeWorkflow(path: string, text: string): Pins {
  const loose: Loose[] = [];
  let examined = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const [, action] = /^\s*#/.test(line) ? [] : (uses.exec(line) ?? []);
    if (action === undefined || action.startsWith('./')) continue;
    examined += 1;
    if (isPinnedAction(action)) continue;
    const [name = action, reference = 'nothing'] = action.split(/@(?=[^@]*$)/);
    loose.push({
      file: path,
      line: index + 1,
      name,
      wrong: `is used by ${reference}, and not by the 40 digits of a commit`,
      fix: `uses: ${name}@COMMIT # ${reference} (git ls-remote https://github.com/${name.split('/').slice(0, 2).join('/')} ${reference})`,
    });
  }
  return { examined, loose };
}

function isPinnedAction(action: string): boolean {
  return /^[\w.-]+\/[\w./-]+@[0-9a-f]{40}$/.test(action) || /^docker:\/\/.+@sha256:[0-9a-f]{64}$/.test(action);
}

export interface ImagePins extends Pins {
  /** Pinned by an exact tag alone: the registry's owner can put another image under it. */
  withoutDigest: string[];
}

const from = /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i;
const copyFrom = /^\s*COPY\s+(?:--\S+\s+)*?--from=(\S+)/i;
const argument = /^\s*ARG\s+(\w+)=["']?([^"'\s]+)/i;

/** The images that a Dockerfile begins with or copies from. Names of its own stages, and `scratch`, are none. */
export function judgeDockerfile(path: string, text: string): ImagePins {
  const pins: ImagePins = { examined: 0, loose: [], withoutDigest: [] };
  const values = new Map<string, string>();
  const stages = new Set<string>(['scratch']);
  for (const [index, line] of text.split('\n').entries()) {
    const [, argumentName, value] = argument.exec(line) ?? [];
    if (argumentName !== undefined && value !== undefined) values.set(argumentName, value);
    const [, base, stage] = from.exec(line) ?? [];
    const written = base ?? copyFrom.exec(line)?.[1];
    if (written !== undefined) {
      const image = written.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => values.get(name) ?? whole);
      if (!stages.has(image.toLowerCase()) && !/^\d+$/.test(image))
        judgeImage(image, { file: path, line: index + 1 }, pins);
    }
    if (stage !== undefined) stages.add(stage.toLowerCase());
  }
  return pins;
}

/** Of these, two numbers are the whole version. */
const twoPartVersions = /(^|\/)(postgres|debian)$/;

function judgeImage(image: string, place: Pick<Loose, 'file' | 'line'>, pins: ImagePins): void {
  pins.examined += 1;
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return;
  const [, name = image, tag = 'latest'] = /^(.*?)(?::([^:/]+))?$/.exec(image) ?? [];
  const exact = /\d+\.\d+\.\d+|\b\d{8}\b/.test(tag) || (twoPartVersions.test(name) && /\d+\.\d+/.test(tag));
  if (exact) pins.withoutDigest.push(image);
  else {
    const wrong = image.includes('$') ? 'depends on an argument without a default' : `is taken at ${tag}, which moves`;
    const fix = `FROM ${name}:MAJOR.MINOR.PATCH@sha256:… (docker buildx imagetools inspect ${image} prints the digest)`;
    pins.loose.push({ ...place, name, wrong, fix });
  }
}
