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
}

/** Runs `step` again and again, never two at once. After failures the pause doubles, up to ten seconds. */
export function startLoop(options: LoopOptions): Loop {
  const stopping = new AbortController();
  const finished = run(options, stopping.signal);
  return {
    stop: () => {
      stopping.abort();
      return finished;
    },
  };
}

async function run(options: LoopOptions, stopping: AbortSignal): Promise<void> {
  let pauseMs = options.intervalMs;
  while (!stopping.aborted) {
    try {
      await options.step();
      pauseMs = options.intervalMs;
    } catch (error) {
      options.onError(error);
      pauseMs = Math.max(options.intervalMs, Math.min(pauseMs * 2, BACKOFF_MAX_MS));
    }
    await pause(pauseMs, stopping);
  }
}

/** Ends early when the loop is stopped. */
function pause(durationMs: number, stopping: AbortSignal): Promise<void> {
  if (stopping.aborted) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stopping.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    stopping.addEventListener('abort', done);
  });
}
