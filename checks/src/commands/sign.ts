import { randomUUID } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closest } from 'fastest-levenshtein';
import { allItems } from '../checklist/items/index.ts';
import { loadConfig } from '../config.ts';
import { type Asked, refusalOf } from '../engine/signoff-check.ts';
import { askedOf } from '../engine/signoff-faults.ts';
import { loadSignOffs, parseSignOff, type SignOff, signedText, signOffFile } from '../engine/signoffs.ts';
import { exitCodes } from '../engine/verdict.ts';
import { UsageError } from '../errors.ts';
import { signFile } from '../evidence/signature.ts';
import { headOf } from '../io/tree.ts';
import { appendToList } from '../io/yaml-list.ts';
import { askedOfTask, type Period, periods, tasks } from '../maintenance/tasks.ts';
import { ask } from './ask.ts';
import type { Streams } from './terminal.ts';
import { refuse } from './waive.ts';

export interface SignFlags {
  config: string;
  role?: string;
  who?: string;
  evidence?: string;
  /** An SSH key. */
  key?: string;
  /** A date. Absent: it is about the commit that is checked out; of a maintenance task, the last day of its period. */
  expires?: string;
}

/** Signs an item of the checklists off. Exit code 4: refused, with the reason on stdout, and nothing was written. */
export async function sign(item: string, flags: SignFlags, streams: Streams): Promise<number> {
  const root = process.cwd();
  const { governance } = await loadConfig(root, flags.config);
  const asked = findAsked(item);
  await loadSignOffs(root);
  const given = (value: string | undefined) => (value === undefined ? {} : { given: value });
  const { key, ...answers } = await ask(
    {
      who: { flag: '--who', question: 'your name in preflight.signers', ...given(flags.who) },
      evidence: { flag: '--evidence', question: asked.answer.evidence, ...given(flags.evidence) },
      key: { flag: '--key', question: 'the file of your SSH key', ...given(flags.key) },
    },
    streams,
  );
  const { commit } = await headOf(root);
  const expires = flags.expires ?? lastDayOf(item);
  const bound = expires === undefined ? { commit } : { expires };
  const role = flags.role ?? asked.answer.role;
  const entry = parseSignOff({ item, role, ...answers, when: new Date().toISOString(), ...bound });
  const signed = { ...entry, signature: await signatureOf(entry, key) };
  const refusal = await refusalOf(signed, asked, { root, commit, roles: governance.roles, now: new Date() });
  if (refusal !== undefined) return refuse([`the sign-off of ${item} by ${entry.who}: ${refusal}`], streams);
  await appendToList(join(root, signOffFile), 'signoffs', signed);
  streams.stdout.write(`written  ${item}, signed off by ${entry.who} as ${entry.role}: commit ${signOffFile}\n`);
  return exitCodes.go;
}

/** @throws UsageError for what no person has to answer, with the nearest that one has to. */
function findAsked(item: string): Asked {
  const all = [...askedOf(allItems, 'advisory'), ...tasks.map(askedOfTask)];
  const asked = all.find(({ id }) => id === item);
  if (asked) return asked;
  const known = allItems.find(({ id }) => id === item);
  if (known) throw new UsageError(`${item} is no item that a person signs off`, `Its answer is: ${known.answer.kind}.`);
  const ids = all.map(({ id }) => id);
  throw new UsageError(
    `there is no item ${item}`,
    `Did you mean ${closest(item, ids)}? \`preflight checklist --json\` shows all.`,
  );
}

/** A task is done for its period, whatever is committed meanwhile. */
function lastDayOf(item: string): string | undefined {
  const period: Period | undefined = tasks.find((task) => task.item === item)?.period;
  if (period === undefined) return undefined;
  return new Date(Date.now() + periods[period] * dayMs).toISOString().slice(0, 10);
}

const dayMs = 86_400_000;

async function signatureOf(entry: SignOff, key: string): Promise<string> {
  await access(key).catch(() => {
    throw new UsageError(`there is no key ${key}`, 'Name an SSH key: `ssh-keygen -t ed25519 -f FILE` makes one.');
  });
  const file = join(tmpdir(), `preflight-${randomUUID()}`);
  try {
    await writeFile(file, signedText(entry), { mode: 0o600 });
    await signFile(file, key);
    return await readFile(`${file}.sig`, 'utf8');
  } finally {
    await Promise.all([file, `${file}.sig`].map((path) => rm(path, { force: true })));
  }
}
