import pc from 'picocolors';
import { loadConfig } from '../config.ts';
import { setAside } from '../engine/not-applicable.ts';
import { type Proof, proveChecks } from '../engine/prove.ts';
import { select } from '../engine/select.ts';
import { exitCodes } from '../engine/verdict.ts';
import { openProveJournal, type ProveJournal } from '../io/prove-journal.ts';
import { findTools } from '../io/tools.ts';
import { openTree } from '../io/tree.ts';
import { checksOf } from '../plugins.ts';
import { watchLive } from '../reporters/live.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { createRedactor } from './redactor.ts';
import { interruptible, type Streams, wantsColour } from './terminal.ts';

export interface ProveFlags {
  config: string;
  timeoutFactor: number;
  concurrency: number;
  /** What is proven of this very tree is not proven again. */
  resume?: boolean;
  /** What takes minutes is proven too, and drills in their long forms. */
  long: boolean;
}

/** Exit code 0: every check went red under its sabotage and green after. 1: one did not. 3: one could not be proven here. */
export async function prove(
  globs: string[],
  { config: file, timeoutFactor, concurrency, resume = false, long }: ProveFlags,
  given: Streams,
): Promise<number> {
  const root = process.cwd();
  const redactor = createRedactor();
  const streams = redactor.guard(given);
  const config = await loadConfig(root, file);
  const all = await checksOf(root, config);
  const { checks } = setAside(select(all, { globs, skip: [], profile: 'release', long }), all, config);
  const [tree, tools] = [openTree(root), findTools(root)];
  const journal = await openProveJournal(tree, redactor.clean);
  const kept = checks.flatMap(({ id }) => (resume && isProven(journal, id) ? [id] : []));
  const toProve = checks.filter(({ id }) => !kept.includes(id));
  if (resume) streams.stderr.write(`${kept.length} of ${checks.length} are proven of this tree already\n`);
  const live = watchLive(toProve.length * 2, streams.stderr, wantsColour(streams.stderr));
  const { signal, interrupted, release } = interruptible();
  const colours = pc.createColors(wantsColour(streams.stdout));
  let done = 0;
  const finished = async (proof: Proof) => {
    done += 1;
    streams.stdout.write(`${describe(proof, `${done}/${toProve.length}`, colours)}\n`);
    await journal.record(proof);
  };
  try {
    const openScratchSandbox = () =>
      startSandbox({ config, tree, tools, scratch: true, progress: live.note, made: redactor.add });
    const watcher = { ...live, finished: () => undefined };
    const around = { checks: toProve, config, tree, tools, concurrency, timeoutFactor, long, signal, watcher };
    const proofs = await proveChecks({ ...around, openScratchSandbox, finished });
    streams.stdout.write(`${summary(proofs, kept.length)}\n`);
    return exitCode(proofs);
  } catch (error) {
    if (interrupted()) return exitCodes.interrupted;
    throw error;
  } finally {
    live.stop();
    release();
  }
}

function isProven({ proofs }: ProveJournal, id: string): boolean {
  return proofs.get(id)?.outcome === 'proven';
}

function describe(
  { id, outcome, reason, durationMs }: Proof,
  progress: string,
  colours: ReturnType<typeof pc.createColors>,
): string {
  const paint = { proven: colours.green, unproven: colours.red, 'not-run': colours.yellow }[outcome];
  const seconds = `${(durationMs / 1000).toFixed(1)} s`.padStart(7);
  return `${paint(outcome.padEnd(8))} ${seconds}  ${progress}  ${id}\n${' '.repeat(19)}${colours.dim(reason.split('\n')[0] ?? '')}`;
}

function summary(proofs: readonly Proof[], kept: number): string {
  const count = (outcome: Proof['outcome']) => proofs.filter((proof) => proof.outcome === outcome).length;
  return `\n${count('proven')} proven, ${count('unproven')} unproven, ${count('not-run')} not run${kept > 0 ? `; ${kept} proven before, of the same tree` : ''}`;
}

function exitCode(proofs: readonly Proof[]): number {
  if (proofs.some(({ outcome }) => outcome === 'unproven')) return exitCodes.noGo;
  return proofs.some(({ outcome }) => outcome === 'not-run') ? exitCodes.unknown : exitCodes.go;
}
