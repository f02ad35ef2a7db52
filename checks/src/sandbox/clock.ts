import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execOrThrow } from '../io/exec.ts';
import type { Tools } from '../io/tools.ts';

/**
 * A clock of the wall for processes of the sandbox, which goes on by itself and can be set while they run. What they measure
 * durations with, the monotonic clock, is the machine's own, as when a machine's time is corrected.
 */
export interface Clock {
  /** For the processes that are to believe it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds since 1970, on this clock. */
  nowMs(): number;
  /** From now on it goes on from this instant. */
  set(ms: number): void;
  /** Forward, or backward. */
  step(ms: number): void;
}

/** `name`: of the file in the sandbox's directory that its processes read the time from. */
export async function createClock(directory: string, name: string, tools: Tools): Promise<Clock> {
  const file = join(directory, name);
  let offsetMs = 0;
  const write = (to: number) => {
    offsetMs = to;
    // They read it all the time: none may find it half written.
    writeFileSync(`${file}.new`, `${to < 0 ? '-' : '+'}${Math.abs(to / 1_000).toFixed(3)}\n`, { mode: 0o644 });
    renameSync(`${file}.new`, file);
  };
  write(0);
  return {
    environment: {
      LD_PRELOAD: await libraryOf(tools),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    },
    nowMs: () => Date.now() + offsetMs,
    set: (ms) => write(ms - Date.now()),
    step: (ms) => write(offsetMs + ms),
  };
}

/** What the program `faketime` lets the programs that it starts load first. `-m`: for those with several threads. */
async function libraryOf(tools: Tools): Promise<string> {
  const { stdout } = await execOrThrow(tools.path('faketime'), ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], {});
  return stdout.trim();
}
