import { type DatabasePool, transaction, withConnection } from '../db/pool.ts';
import {
  acquireLease,
  type Lease,
  recordHeartbeats,
  releaseLease,
  removeLostWorkers,
  removeWorkers,
  type WorkerInstance,
  type WorkerStatus,
} from '../db/workers.ts';
import { afterFailure, type Breaker, CLOSED, isOpen, WORKER_BREAKER } from '../domain/breaker.ts';
import { OrderServiceError } from '../domain/errors.ts';
import type { WorkerLog } from './limit-processor.ts';
import { type Loop, startLoop } from './loop.ts';

/** How often a process says that its workers live. */
export const HEARTBEAT_MS = 1000;
/** Who was silent for so long has lost its exclusive work to another process. */
export const LEASE_MS = 10_000;
/** A step that takes longer is given up: every statement in it has a timeout far below. */
export const STUCK_AFTER_MS = 60_000;
/** Who was silent for so long is taken off the list, and said to be lost. */
export const LOST_AFTER_MS = 60_000;
const LOST_BATCH = 100;

export const SUPERVISOR_MESSAGES = {
  paused: 'Worker paused after errors in a row',
  stuck: 'Worker step is stuck and was given up',
  lost: 'Worker stopped without a word',
  heartbeat: 'Worker heartbeats cannot be recorded',
} as const;

/** What passes by itself: the back-off of the loop is enough, and a pause of minutes would outlast the outage. */
const PASSING: readonly string[] = [
  'database_unavailable',
  'database_timeout',
  'database_conflict',
  'overloaded',
  'lease_lost',
];

/** A step that did not end in time. It may still go on, but no longer under its lease. */
export class StuckStepError extends Error {
  override readonly name = 'StuckStepError';
}

export interface SupervisorOptions {
  readonly pool: DatabasePool;
  readonly instance: WorkerInstance;
  readonly log: WorkerLog;
  /** Milliseconds, monotonic. Default: the process's own clock. */
  readonly now?: () => number;
  readonly stuckAfterMs?: number;
  readonly leaseMs?: number;
}

export interface WorkOptions {
  readonly intervalMs: number;
  /** One bounded piece of work. */
  readonly step: () => Promise<void>;
  /** Hears every failed step. It must not throw. */
  readonly onError: (error: unknown) => void;
}

export interface ExclusiveWorkOptions extends Omit<WorkOptions, 'step'> {
  /** One bounded piece of work; each of its transactions begins with `holdLease(tx, lease)`. */
  readonly step: (lease: Lease) => Promise<void>;
}

/** The workers of one process: their loops, breakers, leases and heartbeats. */
export interface Supervisor {
  /** Runs beside the same worker of other processes: its claims (SKIP LOCKED) last as long as its transactions. */
  readonly work: (name: string, options: WorkOptions) => Loop;
  /** Runs in one process at a time. Its fencing token keeps out a process that froze and wakes later. */
  readonly workAlone: (name: string, options: ExclusiveWorkOptions) => Loop;
  /** Lets every step in progress finish, and takes the workers off the list. */
  readonly stop: () => Promise<void>;
}

interface Worker {
  readonly name: string;
  breaker: Breaker;
  stepStartedAtMs: number | null;
  lastStepAtMs: number | null;
  steps: number;
  lastError: string | null;
  /** Held by this process, as far as it knows; null for work that is not exclusive, and while another process has it. */
  lease: Lease | null;
  loop: Loop | undefined;
}

const FRESH: Omit<Worker, 'name'> = {
  breaker: CLOSED,
  stepStartedAtMs: null,
  lastStepAtMs: null,
  steps: 0,
  lastError: null,
  lease: null,
  loop: undefined,
};

const codeOf = (error: unknown): string => {
  if (error instanceof OrderServiceError) return error.code;
  return error instanceof StuckStepError ? 'stuck' : 'internal';
};

/** Starts the heartbeats of a process; its workers are started one by one. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const {
    pool,
    instance,
    log,
    now = () => performance.now(),
    stuckAfterMs = STUCK_AFTER_MS,
    leaseMs = LEASE_MS,
  } = options;
  const workers: Worker[] = [];

  const statusOf = (worker: Worker): WorkerStatus => {
    const nowMs = now();
    const { name, breaker, stepStartedAtMs, lastStepAtMs, steps, lastError } = worker;
    const pausedForMs = isOpen(breaker, nowMs) && breaker.openUntilMs !== null ? breaker.openUntilMs - nowMs : null;
    return {
      name,
      steps,
      lastError,
      failuresInRow: breaker.failuresInRow,
      pausedForMs,
      stepForMs: stepStartedAtMs === null ? null : nowMs - stepStartedAtMs,
      lastStepAgoMs: lastStepAtMs === null ? null : nowMs - lastStepAtMs,
    };
  };
  const acquire = (name: string) => withConnection(pool, (tx) => acquireLease(tx, name, instance.id, leaseMs));
  /** Whoever has a lease keeps it between its steps, too: the same process goes on until it ends, freezes or fails. */
  const keepLeases = async (): Promise<void> => {
    for (const worker of workers) {
      if (worker.lease === null) continue;
      const kept = await acquire(worker.name);
      // The transaction of a step that goes on has the lease's row: whether it is still ours, the fence says.
      if (kept !== null || worker.stepStartedAtMs === null) worker.lease = kept;
    }
  };
  const beat = async (): Promise<void> => {
    // The first heartbeat waits until all workers that are started together are there.
    await Promise.resolve();
    await keepLeases();
    await withConnection(pool, (tx) => recordHeartbeats(tx, instance, workers.map(statusOf)));
    for (const lost of await withConnection(pool, (tx) => removeLostWorkers(tx, LOST_AFTER_MS, LOST_BATCH))) {
      log.warn(lost, SUPERVISOR_MESSAGES.lost);
    }
  };
  const startHeartbeats = (): Loop =>
    startLoop({
      intervalMs: HEARTBEAT_MS,
      step: beat,
      onError: (error) => log.warn({ err: error }, SUPERVISOR_MESSAGES.heartbeat),
    });
  let heartbeats: Loop | undefined;

  const inTime = async (name: string, work: Promise<void>): Promise<void> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new StuckStepError(`no end within ${stuckAfterMs} ms`)), stuckAfterMs);
    try {
      await Promise.race([work, late.promise]);
    } catch (error) {
      if (error instanceof StuckStepError) log.error({ worker: name }, SUPERVISOR_MESSAGES.stuck);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  const failed = (worker: Worker, error: unknown): void => {
    worker.lastError = codeOf(error);
    if (PASSING.includes(worker.lastError)) return;
    worker.breaker = afterFailure(worker.breaker, WORKER_BREAKER, now());
    if (worker.breaker.openUntilMs === null) return;
    const { failuresInRow } = worker.breaker;
    log.error({ worker: worker.name, failuresInRow, pauseMs: WORKER_BREAKER.pauseMs }, SUPERVISOR_MESSAGES.paused);
  };
  /** One step with its breaker, its time limit and its trace in the worker's row. */
  const guarded = async (worker: Worker, step: () => Promise<void>): Promise<void> => {
    worker.stepStartedAtMs = now();
    try {
      await inTime(worker.name, step());
      worker.breaker = CLOSED;
      worker.lastStepAtMs = now();
      worker.steps += 1;
    } catch (error) {
      failed(worker, error);
      throw error;
    } finally {
      worker.stepStartedAtMs = null;
    }
  };
  const run = (
    name: string,
    { intervalMs, onError }: Omit<WorkOptions, 'step'>,
    step: (worker: Worker) => Promise<void>,
  ): Loop => {
    const worker: Worker = { name, ...FRESH };
    workers.push(worker);
    heartbeats ??= startHeartbeats();
    const loop = startLoop({
      intervalMs,
      onError,
      step: async () => {
        if (!isOpen(worker.breaker, now())) await step(worker);
      },
    });
    worker.loop = loop;
    return loop;
  };

  return {
    work: (name, work) => run(name, work, (worker) => guarded(worker, work.step)),
    workAlone: (name, work) => {
      let dueAtMs = Number.NEGATIVE_INFINITY;
      // Whoever waits for the lease asks more often than it would work: a holder that dies is replaced at once.
      const intervalMs = Math.min(work.intervalMs, HEARTBEAT_MS);
      return run(name, { ...work, intervalMs }, async (worker) => {
        if (now() < dueAtMs) return;
        worker.lease ??= await acquire(name);
        const { lease } = worker;
        if (lease === null) return;
        try {
          await guarded(worker, () => work.step(lease));
          dueAtMs = now() + work.intervalMs;
        } catch (error) {
          // Whatever of the step still goes on must not write beside the next one, here or in another process.
          worker.lease = null;
          await withConnection(pool, (tx) => releaseLease(tx, lease)).catch(() => undefined);
          throw error;
        }
      });
    },
    stop: async () => {
      await Promise.all(workers.map(({ loop }) => loop?.stop()));
      await heartbeats?.stop();
      // A process that leaves without its database leaves its rows to those who remove the lost.
      await transaction(pool, (tx) => removeWorkers(tx, instance.id)).catch((error: unknown) =>
        log.warn({ err: error }, SUPERVISOR_MESSAGES.heartbeat),
      );
    },
  };
}
