import type { Config, OptionalPart } from '../config.ts';
import { mayMount } from '../io/mounts.ts';
import { type ToolName, type Tools, toolNames } from '../io/tools.ts';
import { headOf, type Tree } from '../io/tree.ts';

/**
 * - `git`: the tree is a repository with at least one commit.
 * - `service`, `database`: the target answers. `sandbox`: its processes may be stopped and broken.
 * - `mount`: a file system may be mounted, which takes root's rights.
 * - a program, by its name.
 * - `config:PART`: preflight.config.ts describes that part of the service.
 */
export type Need = 'git' | 'service' | 'database' | 'sandbox' | 'mount' | ToolName | `config:${OptionalPart}`;

export interface Surroundings {
  config: Config;
  tree: Tree;
  tools: Tools;
}

/** What a running stack is made of. Redis is used where it is there. */
const stackTools: readonly ToolName[] = ['initdb', 'postgres'];

/** Whether they name a running stack. */
export function needStack(needs: readonly Need[]): boolean {
  return needs.some((need) => need === 'service' || need === 'database' || need === 'sandbox');
}

/** What a check cannot do without and this machine or configuration lacks, each with the way to get it. Empty: all is there. */
export async function missingNeeds(needs: readonly Need[], around: Surroundings): Promise<string[]> {
  const answers = await Promise.all(needs.map((need) => missing(need, around)));
  return [...new Set(answers.flat())];
}

async function missing(need: Need, { config, tree, tools }: Surroundings): Promise<string[]> {
  if (need === 'git') {
    const { commit } = await headOf(tree.root);
    return commit === ''
      ? ['a git repository with a commit: run preflight in a clone, not in an exported directory']
      : [];
  }
  if (need === 'service' || need === 'database' || need === 'sandbox') return missingTools(stackTools, tools);
  if (need === 'mount')
    return mayMount() ? [] : ['the right to mount a file system: run it as root, where no container forbids it'];
  if (isTool(need)) return missingTools([need], tools);
  const part = need.slice('config:'.length) as OptionalPart;
  return config[part] === undefined ? [`preflight.config.ts does not describe \`${writtenAs[part] ?? part}\``] : [];
}

/** Parts that are written elsewhere than they are called. */
const writtenAs: Partial<Record<OptionalPart, string>> = {
  target: 'targets.production',
  prometheus: 'targets.production.prometheus',
  staging: 'targets.staging',
  targetDatabase: 'targets.production.database',
};

function missingTools(names: readonly ToolName[], tools: Tools): string[] {
  return names
    .filter((name) => tools.find(name) === undefined)
    .map((name) => `${name}: \`make setup\` installs it, or says why it cannot`);
}

function isTool(need: Need): need is ToolName {
  return (toolNames as readonly string[]).includes(need);
}
