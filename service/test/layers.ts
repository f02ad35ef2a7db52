import path from 'node:path';

/** A source file: its path from the repository's root, with forward slashes, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Which rooms of service/src may import which. `http` reaches the database only through what app.ts hands to it, and
 * only app.ts and its room see everything. A room that is missing here may import nothing, so a new one must be entered.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  telemetry: [],
  config: [],
  redis: [],
  db: ['domain'],
  exchange: ['domain'],
  'market-data': ['domain'],
  'kill-switch': ['db', 'domain', 'redis'],
  access: ['db', 'domain'],
  orders: ['db', 'domain', 'exchange'],
  workers: ['orders', 'db', 'domain', 'exchange', 'market-data', 'kill-switch', 'telemetry'],
  http: ['access', 'orders', 'kill-switch', 'domain', 'telemetry'],
  main: ['app', 'config', 'telemetry'],
  command: ['config', 'db', 'domain'],
  migrate: ['command', 'config', 'db', 'domain'],
  keys: ['access', 'command', 'config', 'db', 'domain'],
  seed: ['command', 'config', 'db', 'domain'],
  audit: ['command', 'config', 'db', 'domain'],
};
const SEES_EVERYTHING_BUT: Readonly<Record<string, readonly string[]>> = {
  app: ['main', 'command', 'migrate', 'keys', 'seed', 'audit'],
};

/** Static imports, re-exports and dynamic imports of a literal, type-only ones included. */
const IMPORTS = /\b(?:import|export)\b(?:[^'"`;]*?\bfrom\b)?\s*\(?\s*['"]([^'"]+)['"]/g;
const COMMENTS = /\/\*[\s\S]*?\*\/|(?<![:'"])\/\/[^\n]*/g;

function importsOf(file: SourceFile): readonly string[] {
  const code = file.text.replace(COMMENTS, '');
  return [...code.matchAll(IMPORTS)].map((match) => match[1] ?? '');
}

/** The imported file's path from the repository's root, or the bare specifier of a package. */
function resolve(file: SourceFile, specifier: string): string {
  return specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file.path), specifier) : specifier;
}

const SERVICE_SOURCE = 'service/src/';

/** `domain` for service/src/domain/money.ts, `app` for service/src/app.ts; undefined outside service/src. */
function roomOf(file: string): string | undefined {
  if (!file.startsWith(SERVICE_SOURCE)) return undefined;
  return file.slice(SERVICE_SOURCE.length).split('/')[0]?.replace(/\.ts$/, '');
}

function isAllowed(from: string, to: string): boolean {
  if (from === to) return true;
  const hidden = SEES_EVERYTHING_BUT[from];
  return hidden === undefined ? (ALLOWED[from] ?? []).includes(to) : !hidden.includes(to);
}

function serviceFault(file: SourceFile, target: string): string | undefined {
  const from = roomOf(file.path);
  if (from === undefined || !target.includes('/')) return undefined;
  const to = roomOf(target);
  if (to !== undefined) return isAllowed(from, to) ? undefined : `${from} must not import ${to}`;
  const isOurs = ['checks/', 'service/', 'loadtests/', 'tools/'].some((root) => target.startsWith(root));
  return isOurs ? 'the service imports nothing of ours outside service/src' : undefined;
}

function checksFault(file: SourceFile, target: string): string | undefined {
  if (!file.path.startsWith('checks/')) return undefined;
  const intoService =
    target.startsWith('service/') || target === 'order-service' || target.startsWith('order-service/');
  return intoService ? 'checks looks at a service from outside and never imports it' : undefined;
}

/** Every import against the direction, as `file → target: why`. Returns how many imports were looked at, too. */
export function findWrongImports(files: readonly SourceFile[]): {
  readonly looked: number;
  readonly wrong: readonly string[];
} {
  const edges = files.flatMap((file) =>
    importsOf(file).map((specifier) => ({ file, target: resolve(file, specifier) })),
  );
  const wrong = edges.flatMap(({ file, target }) => {
    const fault = serviceFault(file, target) ?? checksFault(file, target);
    return fault === undefined ? [] : [`${file.path} → ${target}: ${fault}`];
  });
  return { looked: edges.length, wrong };
}
