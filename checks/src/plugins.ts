import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { allChecks } from './all.ts';
import { type Config, loadConfig } from './config.ts';
import { type Check, profiles } from './engine/gate.ts';
import { severities } from './engine/severity.ts';
import { UsageError } from './errors.ts';

const text = z.string().trim().min(1);
const method = z.custom((value) => typeof value === 'function', 'a function is wanted');

/** As far as it can be seen without running it; `preflight prove` sees the rest. */
const statement = z.looseObject({
  id: z.string().regex(/^[a-z][a-z-]*\/[a-z][a-z0-9-]+$/, 'area/statement is wanted, in lower case with hyphens'),
  severity: z.enum(severities),
  profile: z.enum(profiles),
  needs: z.array(text),
  covers: z.array(text),
  ...{ unit: text, why: text, fix: text, source: text },
  ...{ judge: method, sabotage: method },
  samples: z.object({ good: z.array(z.unknown()).min(1), bad: z.array(z.unknown()).min(1) }),
});
const pluginCheck = z.discriminatedUnion('kind', [
  statement.extend({ kind: z.literal('gate'), alone: z.boolean(), measures: z.boolean().optional(), observe: method }),
  statement.extend({ kind: z.literal('drill'), steadyState: method, strike: method, undo: method }),
]);
const exported = z.looseObject({ gates: z.array(z.unknown()).min(1) });

/**
 * The gates and drills of preflight, then those of the configuration's plugins.
 * @throws UsageError with every fault of every plugin at once: not found, not of the shape, or an id that is taken.
 */
export async function checksOf(root: string, config: Pick<Config, 'plugins'>): Promise<readonly Check[]> {
  const checks: Check[] = [...allChecks];
  const faults: string[] = [];
  for (const name of config.plugins) {
    const found = await readPlugin(root, name);
    faults.push(...found.faults.map((fault) => `${name}: ${fault}`));
    for (const check of found.checks) {
      if (checks.some(({ id }) => id === check.id)) faults.push(`${name}: the id ${check.id} is taken`);
      else checks.push(check);
    }
  }
  if (faults.length === 0) return checks;
  throw new UsageError(
    `the plugins have ${faults.length} fault(s):\n  ${faults.join('\n  ')}`,
    'A plugin exports `gates`, an array of what defineGate() and defineDrill() return.',
  );
}

/** For commands that a tree without a configuration may ask too: there, preflight's own. */
export async function checksHere(root: string, configFile: string): Promise<readonly Check[]> {
  const hasConfig = await access(join(root, configFile)).then(
    () => true,
    () => false,
  );
  return hasConfig ? checksOf(root, await loadConfig(root, configFile)) : allChecks;
}

async function readPlugin(root: string, name: string): Promise<{ checks: Check[]; faults: string[] }> {
  let module: unknown;
  try {
    module = await import(pathToFileURL(placeOf(root, name)).href);
  } catch (error) {
    return { checks: [], faults: [`it cannot be loaded: ${(error as Error).message.split('\n')[0]}`] };
  }
  const parsed = exported.safeParse(module);
  if (!parsed.success) return { checks: [], faults: ['it exports no array `gates` with a gate in it'] };
  const faults: string[] = [];
  const checks = parsed.data.gates.flatMap((value, index) => {
    const check = pluginCheck.safeParse(value);
    if (check.success) return [value as Check];
    faults.push(...check.error.issues.map(({ path, message }) => `gates.${[index, ...path].join('.')}: ${message}`));
    return [];
  });
  return { checks, faults };
}

/** A path begins with a dot and starts at the tree's root; everything else is a package that the tree can import. */
function placeOf(root: string, name: string): string {
  if (name.startsWith('.')) return resolve(root, name);
  const require = createRequire(join(root, 'package.json'));
  // The types of Node do not know `conditions` yet: without them a package for `import` alone is not found.
  const options = { paths: [root], conditions: new Set(['import', 'node']) };
  return require.resolve(name, options);
}
