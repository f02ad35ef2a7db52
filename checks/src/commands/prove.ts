import pc from 'picocolors';
import { loadConfig } from '../config.ts';
import { type Proof, proveChecks } from '../engine/prove.ts';
import { select } from '../engine/select.ts';
import { exitCodes } from '../engine/verdict.ts';
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
}

/** Exit code 0: every check went red under its sabotage and green after. 1: one did not. 3: one could not be proven here. */
export async function prove(
  globs: string[],
  { config: file, timeoutFactor }: ProveFlags,
  given: Streams,
): Promise<number> {
  const root = process.cwd();
  const redactor = createRedactor();
  const streams = redactor.guard(given);
  const config = await loadConfig(root, file);
  const { checks } = select(await checksOf(root, config), { globs, skip: [], profile: 'release' });
  const [tree, tools] = [openTree(root), findTools(root)];
  const live = watchLive(checks.length * 2, streams.stderr, wantsColour(streams.stderr));
  const { signal, interrupted, release } = interruptible();
  const colours = pc.createColors(wantsColour(streams.stdout));
  const print = (proof: Proof) => streams.stdout.write(`${describe(proof, colours)}\n`);
  try {
    const openScratchSandbox = () =>
      startSandbox({ config, tree, tools, scratch: true, progress: live.note, made: redactor.add });
    const watcher = { ...live, finished: () => undefined };
    const around = { checks, config, tree, tools, concurrency: 1, timeoutFactor, signal, watcher };
    const proofs = await proveChecks({ ...around, openScratchSandbox, finished: print });
    streams.stdout.write(`${summary(proofs)}\n`);
    return exitCode(proofs);
  } catch (error) {
    if (interrupted()) return exitCodes.interrupted;
    throw error;
  } finally {
    live.stop();
    release();
  }
}

function describe({ id, outcome, reason, durationMs }: Proof, colours: ReturnType<typeof pc.createColors>): string {
  const paint = { proven: colours.green, unproven: colours.red, 'not-run': colours.yellow }[outcome];
  const seconds = `${(durationMs / 1000).toFixed(1)} s`.padStart(7);
  return `${paint(outcome.padEnd(8))} ${seconds}  ${id}\n${' '.repeat(19)}${colours.dim(reason.split('\n')[0] ?? '')}`;
}

function summary(proofs: readonly Proof[]): string {
  const count = (outcome: Proof['outcome']) => proofs.filter((proof) => proof.outcome === outcome).length;
  return `\n${count('proven')} proven, ${count('unproven')} unproven, ${count('not-run')} not run`;
}

function exitCode(proofs: readonly Proof[]): number {
  if (proofs.some(({ outcome }) => outcome === 'unproven')) return exitCodes.noGo;
  return proofs.some(({ outcome }) => outcome === 'not-run') ? exitCodes.unknown : exitCodes.go;
}
