/** Results go to stdout, progress and diagnostics to stderr. */
export interface Streams {
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

/** On a terminal only, and never against NO_COLOR. https://no-color.org */
export function wantsColour(stream: NodeJS.WriteStream): boolean {
  return Boolean(stream.isTTY) && !process.env.NO_COLOR;
}

/** Turns the first SIGINT or SIGTERM into an abort, so that what was started is ended in order. A second one is not waited for. */
export function interruptible(): { signal: AbortSignal; interrupted(): boolean; release(): void } {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) return;
    controller.abort(new Error(`interrupted by ${name}`));
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: controller.signal,
    interrupted: () => controller.signal.aborted,
    release: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
