import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unmountBelow } from '../io/mounts.ts';
import { isAlive, markOf, type ProcessMark } from '../io/process-mark.ts';

/**
 * A sandbox's directory is its journal: who owns it, and every process that it started. Whoever finds a directory whose
 * owner is dead ends those processes and removes it, so that a run killed with SIGKILL leaves nothing for long.
 */
const prefix = 'preflight-sandbox-';
const ownerFile = 'owner.json';
const processesFile = 'processes.jsonl';

interface OwnedProcess extends ProcessMark {
  /** What ends it with all that it started: PostgreSQL's backends leave its process group, and SIGQUIT reaches them. */
  endWith?: NodeJS.Signals;
}

export async function createDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), prefix));
  writeFileSync(join(directory, ownerFile), JSON.stringify(markOf(process.pid)));
  return directory;
}

/** Synchronous, so that no moment lies between a process's birth and its entry in which this program could be left waiting. */
export function recordProcess(directory: string, pid: number, endWith: NodeJS.Signals): void {
  const mark = markOf(pid);
  if (mark) appendFileSync(join(directory, processesFile), `${JSON.stringify({ ...mark, endWith })}\n`);
}

/** Ends what is left of sandboxes whose owner is gone. Returns the directories that it removed. */
export async function sweep(): Promise<string[]> {
  const removed: string[] = [];
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const directory = join(tmpdir(), name);
    const owner = readMarks(join(directory, ownerFile))[0];
    // Without an owner's entry the directory is one that somebody is just making, or nothing of ours.
    if (!owner || isAlive(owner)) continue;
    await removeDirectory(directory);
    removed.push(directory);
  }
  return removed;
}

/** Ends every process in the journal that still runs, waits for them, unmounts what they worked on, and removes the directory. */
export async function removeDirectory(directory: string): Promise<void> {
  const marks = readMarks(join(directory, processesFile));
  for (const mark of marks.filter(isAlive)) signalGroup(mark.pid, mark.endWith ?? 'SIGKILL');
  if (!(await allDeadWithin(marks, politeDeadlineMs))) {
    for (const mark of marks.filter(isAlive)) signalGroup(mark.pid, 'SIGKILL');
    const dead = await allDeadWithin(marks, politeDeadlineMs);
    if (!dead) throw new Error(`processes ${marks.filter(isAlive).map(({ pid }) => pid)} survive SIGKILL`);
  }
  await unmountBelow(directory);
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

const politeDeadlineMs = 5_000;
const deathPollMs = 10;

async function allDeadWithin(marks: readonly OwnedProcess[], deadlineMs: number): Promise<boolean> {
  const deadline = performance.now() + deadlineMs;
  while (marks.some(isAlive)) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, deathPollMs));
  }
  return true;
}

/** To the process's whole group, or to the process alone where it leads none. One that is already gone is what was wanted. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function readMarks(file: string): OwnedProcess[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as OwnedProcess);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
