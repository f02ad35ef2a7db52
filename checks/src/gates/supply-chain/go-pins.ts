import { type Loose, lineOf, type Pins } from './pins.ts';

/** A requirement of a go.mod file. */
interface Requirement {
  module: string;
  version: string;
}

/** The arguments of each directive of a kind, whether it stands alone or in a block. Comments are left out. */
function directives(text: string, kind: string): string[] {
  const found: string[] = [];
  let block: string | undefined;
  for (const line of text.split('\n').map((raw) => raw.replace(/\/\/.*$/, '').trim())) {
    const [, opened] = /^(\w+)\s*\($/.exec(line) ?? [];
    if (opened) block = opened;
    else if (line === ')') block = undefined;
    else if (block === kind && line !== '') found.push(line);
    else if (block === undefined && line.startsWith(`${kind} `)) found.push(line.slice(kind.length).trim());
  }
  return found;
}

/**
 * A go.mod pins by itself (the least version that satisfies all is chosen); what can be missing is the hash in go.sum, the
 * module of a tool, and a replacement's version. https://go.dev/ref/mod#go-sum-files
 * @param sum the go.sum beside it, or undefined where there is none
 */
export function judgeGoModule(path: string, text: string, sum: string | undefined): Pins {
  const required: Requirement[] = directives(text, 'require').map((line) => {
    const [module = '', version = ''] = line.split(/\s+/);
    return { module, version };
  });
  const hashes = new Set((sum ?? '').split('\n').map((line) => line.split(' ').slice(0, 2).join(' ')));
  const replaced = new Set(directives(text, 'replace').map((line) => line.split(/\s+/)[0]));
  const loose: Loose[] = [];
  const add = (name: string, wrong: string, fix: string) =>
    loose.push({ file: path, line: lineOf(text, name), name, wrong, fix });
  for (const { module, version } of required) {
    if (replaced.has(module)) continue;
    if (!/^v\d+\.\d+\.\d+/.test(version))
      add(module, `is required at "${version}", which is no version`, 'go mod tidy');
    else if (!hashes.has(`${module} ${version}/go.mod`) && !hashes.has(`${module} ${version}`)) {
      const where = sum === undefined ? 'no go.sum is beside go.mod' : 'go.sum does not hold its hash';
      add(module, `${version} is not verified: ${where}`, 'go mod tidy, and commit go.sum.');
    }
  }
  for (const tool of directives(text, 'tool')) {
    const pinned = required.some(({ module }) => tool === module || tool.startsWith(`${module}/`));
    if (!pinned) add(tool, 'is a tool of no required module', `go get -tool ${tool}@VERSION`);
  }
  return { examined: required.length, loose };
}
