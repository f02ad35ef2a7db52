import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { defineGate, type Finding, type Gate } from '../../../engine/gate.ts';
import type { Severity } from '../../../engine/severity.ts';
import { type SignOff, signedText, signOffFile } from '../../../engine/signoffs.ts';
import { signersFile, signFile } from '../../../evidence/signature.ts';
import { execOrThrow } from '../../../io/exec.ts';
import { type Doing, doneOf, openLedger } from '../../../maintenance/done.ts';
import { type Period, periods, taskOf } from '../../../maintenance/tasks.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';

export interface Facts {
  item: string;
  period: Period;
  now: string;
  doings: Doing[];
  /** Sign-offs that show nothing, each with the reason. */
  refused: string[];
}

interface Statement {
  /** `maintenance/…`. */
  id: string;
  severity: Severity;
  /** Of the checklists, and of maintenance/tasks.ts. */
  item: string;
  why: string;
}

const dayMs = 86_400_000;
const now = '2026-06-15T12:00:00.000Z';

function doing(at: string, until: string): Doing {
  return { how: 'sign-off', by: 'grace@example.com', at, until };
}

/**
 * A gate about a task that has to be done again and again: it is red when nothing shows that it was done within its period. A
 * sign-off by the role that the task names shows it, and so does evidence of a run in which the checks that are the task passed.
 */
export function doneInTime({ id, severity, item, why }: Statement): Gate<Facts> {
  const task = taskOf(item);
  const { period, role, evidence, passing } = task;
  const sample = { item, period, now, refused: [] };
  const justNow = doing('2026-06-15T08:00:00.000Z', '2026-06-16T08:00:00.000Z');
  const run = passing ? `, or \`npx preflight run ${passing.join(' ')}\`, which keeps its evidence` : '';
  return defineGate<Facts>({
    ...{ id, severity, why, profile: 'release', needs: ['git'], covers: [item], unit: 'records that could show it' },
    fix: `Do it, then \`npx preflight sign ${item}\` as ${role}${run}. What to show: ${evidence}`,
    source: 'https://sre.google/sre-book/evolving-sre-engagement-model/',
    tags: [period],

    async observe({ config, tree }) {
      const ledger = await openLedger(tree.root, config, new Date());
      const done = await doneOf(task, ledger);
      // The ledger is one record even when nobody has written anything: that is what it says.
      const examined = 1 + ledger.signOffs.length + ledger.runs.length;
      return { examined, facts: { item, period, now: ledger.now.toISOString(), ...done } };
    },

    judge: (facts) => lateness(facts),

    samples: {
      good: [{ ...sample, doings: [doing('2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'), justNow] }],
      bad: [
        { ...sample, doings: [] },
        { ...sample, doings: [doing('2026-01-01T00:00:00.000Z', now)] },
        { ...sample, doings: [doing('2026-07-01T00:00:00.000Z', '2026-07-02T00:00:00.000Z')] },
        { ...sample, doings: [], refused: ['the sign-off by ada: unsigned'] },
      ],
    },

    /** Somebody who is made up signs it, in the copy alone. */
    prepare: (sandbox) => signedIn(sandbox, item, new Date()),

    async sabotage(sandbox) {
      return signedIn(sandbox, item, new Date(Date.now() - (periods[period] + 1) * dayMs));
    },
  });
}

function lateness({ item, period, now, doings, refused }: Facts): Finding[] {
  const at = Date.parse(now);
  const holding = doings.filter((each) => Date.parse(each.at) <= at && at < Date.parse(each.until));
  if (holding.length > 0) return [];
  const last = doings.filter((each) => Date.parse(each.at) <= at).at(-1);
  const since = last ? `since ${last.at} (${last.how} ${last.by})` : 'yet';
  const message = `${item}: nothing shows that it was done ${since}, and it is ${period}`;
  return [{ message: [message, ...refused].join('; '), identity: item }];
}

const signer = 'preflight-prover';
const keyFile = '.preflight-prove-key';

/** Gives the copy a key, its signer and a sign-off of that time; an earlier one is written over. */
async function signedIn({ scratch, config }: Sandbox, item: string, when: Date): Promise<Undo> {
  const { role, evidence: _, period } = taskOf(item);
  const key = join(scratch.root, keyFile);
  const there = await access(key).then(
    () => true,
    () => false,
  );
  if (!there) await execOrThrow('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
  await scratch.write(signersFile, `${signer} ${await scratch.read(`${keyFile}.pub`)}`);
  const expires = new Date(when.getTime() + periods[period] * dayMs).toISOString().slice(0, 10);
  const common = { item, role, who: signer, when: when.toISOString(), evidence: signersFile };
  const entry: SignOff = { ...common, expires };
  await scratch.write(`${keyFile}.text`, signedText(entry));
  await signFile(join(scratch.root, `${keyFile}.text`), key);
  const signature = await scratch.read(`${keyFile}.text.sig`);
  await scratch.write(signOffFile, stringify({ signoffs: [{ ...entry, signature }] }));
  await Promise.all(['.text', '.text.sig'].map((end) => rm(`${key}${end}`)));
  const before = config.governance.roles[role];
  config.governance.roles[role] = [signer];
  return async () => {
    if (before) config.governance.roles[role] = before;
    else delete config.governance.roles[role];
  };
}
