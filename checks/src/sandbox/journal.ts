import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A sandbox's directory is its journal: who owns it, and every process that it started. Whoever finds a directory whose
 * owner is dead ends those processes and removes it, so that a run killed with SIGKILL leaves nothing for long.
 */
const prefix = 'preflight-sandbox-';
const ownerFile = 'owner.json';
const processesFile = 'processes.jsonl';

/** A process, told apart from a later one that was given the same number. */
interface ProcessMark {
  pid: number;
  /** When it began, in the kernel's own ticks since boot. */
  startedAt: string;
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

/** Ends every process in the journal that still runs, waits for them, and removes the directory. */
export async function removeDirectory(directory: string): Promise<void> {
  const marks = readMarks(join(directory, processesFile));
  for (const mark of marks.filter(isAlive)) signalGroup(mark.pid, mark.endWith ?? 'SIGKILL');
  if (!(await allDeadWithin(marks, politeDeadlineMs))) {
    for (const mark of marks.filter(isAlive)) signalGroup(mark.pid, 'SIGKILL');
    const dead = await allDeadWithin(marks, politeDeadlineMs);
    if (!dead) throw new Error(`processes ${marks.filter(isAlive).map(({ pid }) => pid)} survive SIGKILL`);
  }
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

const politeDeadlineMs = 5_000;
const deathPollMs = 10;

async function allDeadWithin(marks: readonly ProcessMark[], deadlineMs: number): Promise<boolean> {
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

function readMarks(file: string): ProcessMark[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as ProcessMark);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function isAlive(mark: ProcessMark): boolean {
  return markOf(mark.pid)?.startedAt === mark.startedAt;
}

/** Fields after the command's closing parenthesis: the state comes first, the start time is the 20th. A zombie counts as gone. */
function markOf(pid: number): ProcessMark | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startedAt = fields[19];
    return fields[0] === 'Z' || startedAt === undefined ? undefined : { pid, startedAt };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH')
      return undefined;
    throw error;
  }
}
