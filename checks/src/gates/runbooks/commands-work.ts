import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { lastLines } from '../../io/exec.ts';
import { attemptWrite } from '../../io/writes.ts';
import { filledIn, type Runnable, readRunnables } from './support/runnable.ts';

/** What has to be described, with commands that work. */
export const wantedProcedures = [
  ...['manual-processing', 'manual-intervention', 'reconciliation', 'worker-recovery', 'processor-recovery'],
  ...['database-recovery', 'data-recovery', 'account-recovery', 'full-restoration', 'point-in-time'],
] as const;

interface Ran extends Omit<Runnable, 'text'> {
  page: string;
  /** Its first line. */
  command: string;
  code: number;
  /** The last lines that it printed, where it ended otherwise than the page says. */
  said: string;
}

interface Facts {
  ran: Ran[];
  /** Where each procedure stands: page and anchor, or null where the configuration names none. */
  procedures: { name: string; page: string | null; section: string; isThere: boolean }[];
}

const ran: Ran = {
  page: 'orders.md',
  section: 'reconcile',
  line: 9,
  exit: 0,
  command: 'bin/reconcile',
  code: 0,
  said: '',
};
const procedure = { page: 'orders.md', section: 'reconcile', isThere: true };
const good: Facts = { ran: [ran], procedures: wantedProcedures.map((name) => ({ name, ...procedure })) };
const blockTimeoutMs = 20_000;

export default defineGate<Facts>({
  id: 'runbooks/commands-work',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:procedures'],
  covers: [
    ...['processing-by-hand', 'manual-intervention', 'reconciliation', 'tested', 'recovery-steps', 'database-recovery'],
    ...[
      'data-recovery',
      'user-data-recovery',
      'full-restoration',
      'point-in-time',
      'worker-recovery',
      'processor-recovery',
    ],
  ].map((name) => `runbooks.${name}`),
  unit: 'commands of runbook pages',
  why: 'What a page says to type at night has to work on the day: a flag that was renamed is found out by whoever has no time.',
  fix: 'Mend the page or the script; type the block as it stands against `npx preflight sandbox`.',
  source: 'https://sre.google/workbook/incident-response/',
  alone: true,
  timeoutMs: 120_000,

  async observe(context) {
    const { pages, required, values, environment } = partOf(context.config, 'procedures');
    const read = await Promise.all(
      (await context.tree.files(...pages)).map(async (page) => ({
        page,
        ...readRunnables(await context.tree.read(page)),
      })),
    );
    const procedures = wantedProcedures.map((name) => placeOf(name, required[name], read));
    const directory = await mkdtemp(join(tmpdir(), 'preflight-procedures-'));
    try {
      // A fresh stack holds nothing that a page could be about.
      if (context.config.write) await attemptWrite(context, { idempotencyKey: randomUUID(), writer: 0 });
      const known = await valuesOf(context, values);
      const env = await environmentOf(context, environment, directory);
      // What stands on one page belongs together; pages stand for themselves.
      const results = await Promise.all(
        read.map(async ({ page, blocks }) => {
          const ofPage: Ran[] = [];
          for (const block of blocks) ofPage.push(await run(context, page, block, known, env));
          return ofPage;
        }),
      );
      const all = results.flat();
      return { examined: all.length, facts: { ran: all, procedures } };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },

  judge: ({ ran: all, procedures }) => [
    ...all
      .filter(({ code, exit }) => code !== exit)
      .map(
        ({ page, line, exit, command, code, said }): Finding => ({
          ...{ file: page, line, identity: command },
          message: `${command} ends with exit code ${code}, and the page says ${exit}: ${said}`,
        }),
      ),
    ...procedures.flatMap((each) => procedureFaults(each, all)),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, ran: [ran, { ...ran, code: 1, said: 'no such flag' }] },
      { ...good, ran: [{ ...ran, exit: 5 }] },
      { ...good, procedures: [{ name: 'reconciliation', ...procedure, page: null }] },
      { ...good, procedures: [{ name: 'reconciliation', ...procedure, isThere: false }] },
      { ...good, procedures: [{ name: 'reconciliation', ...procedure, section: 'another' }] },
    ],
  },

  async sabotage({ scratch, config }) {
    const { pages } = partOf(config, 'procedures');
    const [page] = await scratch.files(...pages);
    if (page === undefined) throw new Error('preflight.config.ts names no page of procedures');
    await scratch.write(
      page,
      `${await scratch.read(page)}\n\`\`\`bash run\nbin/no-script-is-called-this --now\n\`\`\`\n`,
    );
    return undefined;
  },
});

function procedureFaults(
  { name, page, section, isThere }: Facts['procedures'][number],
  all: readonly Ran[],
): Finding[] {
  const fix = `Describe it with a block that is marked as \`\`\`bash run, and name it: procedures.required['${name}'].`;
  if (page === null) return [{ message: `${name} is described nowhere`, identity: name, fix }];
  if (!isThere) return [{ message: `${page}#${section}, of ${name}, is not there`, identity: name, fix }];
  const works = all.some((each) => each.page === page && each.section === section && each.code === each.exit);
  return works ? [] : [{ file: page, message: `no command under #${section}, of ${name}, works`, identity: name, fix }];
}

function placeOf(
  name: string,
  place: string | undefined,
  read: readonly { page: string; sections: readonly string[] }[],
): Facts['procedures'][number] {
  const [page = null, section = ''] = place?.split('#') ?? [];
  const isThere = read.some((each) => each.page === page && each.sections.includes(section));
  return { name, page, section, isThere };
}

/** Asks the database for what a page leaves open. */
async function valuesOf(
  { target }: Context,
  queries: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  return withDatabase(target.databaseUrl, async (database) => {
    const values: Record<string, string> = {};
    for (const [name, sql] of Object.entries(queries)) {
      const [row] = await database.query(sql);
      const [value] = Object.values(row ?? {});
      if (value === undefined || value === null) throw new Error(`nothing stands for ${name}: its query found no row`);
      values[name] = value;
    }
    return values;
  });
}

async function environmentOf(
  { config, target, sandbox, tools }: Context,
  configured: Readonly<Record<string, string>>,
  directory: string,
): Promise<NodeJS.ProcessEnv> {
  await mkdir(join(directory, 'home'));
  const places: Record<string, string> = {
    url: target.url,
    databaseUrl: target.databaseUrl,
    redisUrl: sandbox.redis?.url ?? '',
    operatorKey: target.credentials.operator,
    writerKey: target.credentials.writers[0] ?? '',
    processingKey: sandbox.service.environment[config.processing?.keyVariables[0] ?? ''] ?? '',
  };
  const filled = Object.entries(configured).map(([name, text]) => [
    name,
    text.replaceAll(/\{(\w+)\}/g, (whole, place: string) => places[place] ?? whole),
  ]);
  const own = {
    PATH: tools.environment.PATH,
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    HOME: join(directory, 'home'),
    TMPDIR: directory,
  };
  return { ...own, ...Object.fromEntries(filled) };
}

/** In the directory of the page, as somebody would who reads it there. */
async function run(
  { exec, tree, progress }: Context,
  page: string,
  { text, section, line, exit }: Runnable,
  values: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv,
): Promise<Ran> {
  const [command = ''] = text.split('\n', 1);
  progress(command);
  // A shell whose input is a pipe reads start files otherwise, as if somebody had come by the network.
  const words = ['--noprofile', '--norc', '-euo', 'pipefail', '-c', filledIn(text, values)];
  const result = await exec('bash', words, { cwd: join(tree.root, dirname(page)), env, timeoutMs: blockTimeoutMs });
  const said = result.code === exit ? '' : result.timedOut ? 'it was not done in time' : lastLines(result, 3);
  return { page, section, line, exit, command, code: result.code, said };
}
