import type { CycleResult } from '../db/processing-cycles.ts';

/** A worker runs a cycle every half second; one that did nothing need not be written down as often. */
const RECORD_EVERY_MS = 10_000;

/** Decides which of a worker's cycles are recorded: those that did something or failed, and one in ten seconds. */
export function createCycleRecord(
  record: (result: CycleResult) => Promise<void>,
  nowMs: () => number,
): (result: CycleResult) => Promise<void> {
  let recordedAtMs = Number.NEGATIVE_INFINITY;
  return async (result) => {
    const idle = result.errorCode === null && result.executed + result.expired + result.failed === 0;
    if (idle && nowMs() - recordedAtMs < RECORD_EVERY_MS) {
      return;
    }
    await record(result);
    recordedAtMs = nowMs();
  };
}
