import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { blanksOf } from './blank.ts';
import { type Config, type ConfigInput, type OptionalPart, schema } from './config/schema.ts';
import { UsageError } from './errors.ts';

export type { Credentials } from './config/credentials.ts';
export type { Config, ConfigInput, OptionalPart, TargetConfig } from './config/schema.ts';

/** A part that not every service has. @throws when it is absent: a gate that uses it declares the need `config:PART`. */
export function partOf<Part extends OptionalPart>(config: Pick<Config, Part>, part: Part): NonNullable<Config[Part]> {
  const described = config[part];
  if (!described) throw new Error(`preflight.config.ts does not describe \`${part}\``);
  return described;
}

/** What a release asks, and drills outside of a sandbox strike, unless --target names another. */
export const defaultTarget = 'production';

/**
 * The same configuration, with the environments that a release asks. Without a name it is `production`, where there is one.
 * @throws UsageError when no target is called so.
 */
export function pointAt(config: Config, name?: string): Config {
  const { targets } = config;
  if (name !== undefined && targets[name] === undefined) {
    const names = Object.keys(targets);
    throw new UsageError(
      `preflight.config.ts has no target ${name}`,
      names.length > 0 ? `Name one of ${names.join(', ')}.` : 'Describe it there in `targets`.',
    );
  }
  const [chosen, { staging }] = [targets[name ?? defaultTarget], targets];
  const { prometheus, database } = chosen ?? {};
  return {
    ...config,
    ...(chosen && { target: chosen }),
    ...(prometheus && { prometheus }),
    ...(staging && { staging }),
    ...(database && { targetDatabase: database }),
  };
}

/** Types `preflight.config.ts`. It is checked when it is loaded. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

/**
 * Loads and checks `preflight.config.ts`.
 * @throws UsageError with all faults at once.
 */
export async function loadConfig(root: string, file = 'preflight.config.ts'): Promise<Config> {
  const path = join(root, file);
  try {
    await access(path);
  } catch {
    throw new UsageError(
      `${file} is not in ${root}`,
      'Run preflight in the root of the repository, or name the file with --config.',
    );
  }
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new UsageError(
      `${file} cannot be loaded: ${(cause as Error).message}`,
      'Mend the file: it is TypeScript that Node runs as it stands.',
    );
  }
  return parseConfig(exported, file);
}

/** @throws UsageError with all faults at once, each with its place in the file. */
export function parseConfig(value: unknown, file = 'preflight.config.ts'): Config {
  const blanks = blanksOf(value);
  if (blanks.length > 0) {
    throw new UsageError(
      `${file} has ${blanks.length} blank(s):\n  ${blanks.join('\n  ')}`,
      'Fill in each of them: what the repository did not show, only you can tell.',
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || '(default export)'}: ${issue.message}`);
  throw new UsageError(
    `${file} has ${faults.length} fault(s):\n  ${faults.join('\n  ')}`,
    'Mend each of them: the names are those of defineConfig().',
  );
}
