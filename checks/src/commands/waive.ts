import { join } from 'node:path';
import { loadConfig } from '../config.ts';
import { findCheck } from '../engine/select.ts';
import { exitCodes } from '../engine/verdict.ts';
import { budgetFaults, refusedWaivers } from '../engine/waiver-policy.ts';
import { loadWaivers, parseWaiver, waiverFile, waiverName } from '../engine/waivers.ts';
import { UsageError } from '../errors.ts';
import { nextAuthor } from '../io/authors.ts';
import { appendToList } from '../io/yaml-list.ts';
import { checksOf } from '../plugins.ts';
import { ask } from './ask.ts';
import type { Streams } from './terminal.ts';

export interface WaiveFlags {
  config: string;
  /** Of one finding. Absent: all that the gate finds. */
  fingerprint?: string;
  reason?: string;
  owner?: string;
  approver?: string;
  /** Days from today. */
  days?: number;
}

const dayMs = 86_400_000;

/** Writes an entry into the ledger. Exit code 4: refused, with every reason on stdout, and nothing was written. */
export async function waive(gate: string, flags: WaiveFlags, streams: Streams): Promise<number> {
  const root = process.cwd();
  const config = await loadConfig(root, flags.config);
  const checks = await checksOf(root, config);
  findCheck(checks, gate);
  const days = flags.days ?? config.governance.waiverDays;
  const answers = await ask(
    {
      reason: question('--reason', 'why it may be so for a while', flags.reason),
      owner: question('--owner', 'who mends it', flags.owner),
      approver: question('--approver', 'who else accepts it', flags.approver),
    },
    streams,
  );
  const { fingerprint } = flags;
  const which = fingerprint === undefined ? { gate } : { gate, fingerprint };
  const entry = parseWaiver({ ...which, ...answers, created: dateIn(0), expires: dateIn(days) });
  const standing = await loadWaivers(root);
  const author = await nextAuthor(root).catch((error: Error) => {
    throw new UsageError(`git cannot tell who writes this: ${error.message}`, 'Set user.name and user.email.');
  });
  const policy = { governance: config.governance, checks, authorsOf: () => [author] };
  const refusals = [
    ...refusedWaivers([entry], policy).values(),
    ...budgetFaults([...standing, entry], config.governance),
  ];
  if (standing.some((other) => waiverName(other) === waiverName(entry)))
    refusals.push(`${waiverName(entry)} is there already`);
  if (refusals.length > 0) return refuse(refusals, streams);
  await appendToList(join(root, waiverFile), 'waivers', entry);
  streams.stdout.write(`written  ${waiverName(entry)}, until ${entry.expires}: commit ${waiverFile}\n`);
  return exitCodes.go;
}

function question(flag: string, text: string, given: string | undefined) {
  return { flag, question: text, ...(given === undefined ? {} : { given }) };
}

function dateIn(days: number): string {
  return new Date(Date.now() + days * dayMs).toISOString().slice(0, 10);
}

/** Says every reason. */
export function refuse(refusals: readonly string[], { stdout }: Streams): number {
  const lines = refusals.map((refusal) => `✗ ${refusal}\n`).join('');
  stdout.write(`${lines}refused, nothing is written (exit code ${exitCodes.governance})\n`);
  return exitCodes.governance;
}
