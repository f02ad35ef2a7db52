import { z } from 'zod';
import { blank } from '../blank.ts';
import type { Tree } from '../io/tree.ts';

/** What a configuration needs at the least, as far as a repository shows it. The rest are blanks. */
export interface Survey {
  service: {
    start: string[];
    checkConfig: string[];
    environment: Record<string, string>;
    variables: Record<string, { required: boolean; refused: string[] }>;
    liveness: string;
    readiness: string;
    openApi?: string;
    publicRoutes: string[];
  };
  database: {
    migrations: string;
    bookkeeping: string;
    migrate: string[];
    applyNext: string[];
    revertLast: string[];
    seed: string[];
    credentials: never;
    requiredIndexes: never[];
    invariants: never[];
  };
  code: { typeCheck: string[]; production: string[] };
  workflows?: string[];
}

const packageSchema = z.object({
  scripts: z.record(z.string(), z.string()).default({}),
  dependencies: z.record(z.string(), z.string()).default({}),
  devDependencies: z.record(z.string(), z.string()).default({}),
});
type Package = z.output<typeof packageSchema>;

const codeFiles = ['**/*.{js,mjs,cjs,ts,mts,cts}'];
const notTheService = /(^|\/)(tests?|examples|dist|node_modules)\/|\.(test|spec|config)\.|\.d\.ts$/;
/** A survey reads what tells about the service, not a whole archive. */
const filesRead = 500;

/** Variables of the environment whose names the code does not show. */
export interface Names {
  databaseUrl?: string;
  port?: string;
}

export async function survey(tree: Tree, names: Names = {}): Promise<Survey> {
  const files = await tree.files();
  const described = files.includes('package.json') ? JSON.parse(await tree.read('package.json')) : {};
  const own = packageSchema.parse(described);
  const code = (await tree.files(...codeFiles)).filter((path) => !notTheService.test(path)).slice(0, filesRead);
  const text = (await Promise.all(code.map((path) => tree.read(path)))).join('\n');
  const workflows = files.some((path) => /^\.github\/workflows\/[^/]+\.yml$/.test(path));
  return {
    service: serviceOf(own, files, text, names),
    database: databaseOf(own, files),
    code: {
      typeCheck: files.includes('tsconfig.json')
        ? ['tsc', '--noEmit']
        : blank('which command checks the types? (tsc --noEmit, with checkJs for JavaScript)', 'words'),
      production: productionOf(code),
    },
    ...(workflows ? { workflows: ['.github/workflows/*.yml'] } : {}),
  };
}

function serviceOf(own: Package, files: readonly string[], text: string, names: Names): Survey['service'] {
  const liveness = pathIn(text, ['/live', '/livez', '/health/live', '/healthz', '/health']);
  const readiness = pathIn(text, ['/ready', '/readyz', '/health/ready', '/healthz', '/health']);
  const openApi = pathIn(text, ['/openapi.json', '/api-docs.json', '/swagger.json']);
  const databaseUrl = names.databaseUrl ?? /\b(DATABASE_URL|DB_URL|PG_URL|POSTGRES(?:QL)?_UR[IL])\b/.exec(text)?.[1];
  const port = names.port ?? /\bPORT\b/.exec(text)?.[0];
  const open = [liveness, readiness, openApi].filter((path) => path !== undefined);
  return {
    start:
      own.scripts.start === undefined
        ? blank('which command starts it in the foreground?', 'words')
        : wordsOf(own, files, 'start'),
    checkConfig: blank(
      'which command judges its environment alone, and exits non-zero with every fault on stderr?',
      'words',
    ),
    environment: {
      [databaseUrl ?? 'DATABASE_URL']:
        databaseUrl === undefined
          ? blank('which variable holds the address of the database? Give it {databaseUrl}')
          : '{databaseUrl}',
      [port ?? 'PORT']: port === undefined ? blank('which variable holds its port? Give it {port}') : '{port}',
    },
    variables: { [databaseUrl ?? 'DATABASE_URL']: { required: true, refused: ['', 'not a url'] } },
    liveness: liveness ?? blank('which path answers 200 while the process lives?'),
    readiness: readiness ?? blank('which path answers 200 while it can serve, and 503 without its database?'),
    ...(openApi === undefined ? {} : { openApi }),
    publicRoutes: [...new Set(open)].map((path) => `GET ${path}`),
  };
}

function databaseOf(own: Package, files: readonly string[]): Survey['database'] {
  const script = ['migrate', 'db:migrate', 'migrate:up', 'migrations'].find((name) => own.scripts[name] !== undefined);
  const seed = ['seed', 'db:seed'].find((name) => own.scripts[name] !== undefined);
  const knowsTool = 'node-pg-migrate' in { ...own.dependencies, ...own.devDependencies };
  const step = (way: string) => ['node-pg-migrate', way, '1'];
  return {
    migrations: migrationsOf(files) ?? blank('which glob names the migrations, one file each?'),
    bookkeeping: knowsTool
      ? 'public.pgmigrations'
      : blank('in which table (schema.table) does the migration tool keep what is applied?'),
    migrate:
      script === undefined
        ? blank('which command applies all migrations to DATABASE_URL?', 'words')
        : wordsOf(own, files, script),
    applyNext: knowsTool ? step('up') : blank('which command applies one migration more?', 'words'),
    revertLast: knowsTool ? step('down') : blank('which command reverts the newest migration?', 'words'),
    seed:
      seed === undefined
        ? blank('which command fills a migrated database, and prints keys to try the service with?', 'words')
        : wordsOf(own, files, seed),
    credentials: blank(
      '(seedOutput) => ({ writers: […], operator: … }): how are the keys read out of what the seed prints?',
      'code',
    ),
    requiredIndexes: [],
    invariants: [],
  };
}

/** The script's own words, so that signals reach the program itself; through the package manager where a shell is needed. */
function wordsOf({ scripts }: Package, files: readonly string[], name: string): string[] {
  const text = scripts[name] ?? '';
  if (!/[&|;<>$`'"*=]/.test(text)) return text.split(/\s+/);
  const managers: [string, string][] = [
    ['pnpm-lock.yaml', 'pnpm'],
    ['yarn.lock', 'yarn'],
    ['bun.lock', 'bun'],
  ];
  const manager = managers.find(([lockfile]) => files.includes(lockfile))?.[1] ?? 'npm';
  return [manager, 'run', name];
}

/** The first of the paths that stands in the code as a whole string. */
function pathIn(text: string, paths: readonly string[]): string | undefined {
  return paths.find((path) => ["'", '"', '`'].some((quote) => text.includes(`${quote}${path}${quote}`)));
}

/** The directory called migrations that holds the most files. */
function migrationsOf(files: readonly string[]): string | undefined {
  const globs = files.flatMap((path) => {
    const [, directory, ending] = /^((?:.+\/)?migrations)\/[^/]+\.(sql|js|ts|mjs|cjs)$/.exec(path) ?? [];
    return directory === undefined ? [] : [`${directory}/*.${ending}`];
  });
  const counted = [...Map.groupBy(globs, (glob) => glob)].sort(([, one], [, other]) => other.length - one.length);
  return counted[0]?.[0];
}

function productionOf(code: readonly string[]): string[] {
  const inSrc = code.filter((path) => path.startsWith('src/'));
  const endings = new Set((inSrc.length > 0 ? inSrc : code).map((path) => path.slice(path.lastIndexOf('.') + 1)));
  if (endings.size === 0) return blank('which glob names the code that runs in production?', 'list');
  return [...endings].sort().map((ending) => `${inSrc.length > 0 ? 'src/' : ''}**/*.${ending}`);
}
