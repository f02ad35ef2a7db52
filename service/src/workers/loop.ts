/** Longest pause after steps that failed, so that a database that is down is neither hammered nor forgotten. */
const BACKOFF_MAX_MS = 10_000;

export interface LoopOptions {
  /** Pause between the end of one step and the start of the next. */
  readonly intervalMs: number;
  /** One bounded piece of work. */
  readonly step: () => Promise<void>;
  /** Hears every failed step. It must not throw. */
  readonly onError: (error: unknown) => void;
}

/** A running loop. */
export interface Loop {
  /** Lets the step in progress finish, starts no other, and resolves then. Repeated calls are harmless. */
  stop(): Promise<void>;
  /** Begins the next step without the rest of the pause; during a step, right after it. After a failure it waits. */
  readonly wake: () => void;
}

/** Runs `step` again and again, never two at once. After failures the pause doubles, up to ten seconds. */
export function startLoop(options: LoopOptions): Loop {
  const stopping = new AbortController();
  // One per round, renewed before its step: what wakes during the step or the pause after it ends that pause.
  let alarm = new AbortController();
  const finished = run(options, stopping.signal, () => {
    alarm = new AbortController();
    return alarm.signal;
  });
  return {
    wake: () => alarm.abort(),
    stop: () => {
      stopping.abort();
      return finished;
    },
  };
}

async function run(options: LoopOptions, stopping: AbortSignal, setAlarm: () => AbortSignal): Promise<void> {
  let backoffMs = options.intervalMs;
  while (!stopping.aborted) {
    const alarm = setAlarm();
    try {
      await options.step();
      backoffMs = options.intervalMs;
      await pause(options.intervalMs, [stopping, alarm]);
    } catch (error) {
      options.onError(error);
      backoffMs = Math.max(options.intervalMs, Math.min(backoffMs * 2, BACKOFF_MAX_MS));
      await pause(backoffMs, [stopping]);
    }
  }
}

/** Ends early with the first of the signals. */
function pause(durationMs: number, signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some((signal) => signal.aborted)) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    for (const signal of signals) signal.addEventListener('abort', done);
  });
}
