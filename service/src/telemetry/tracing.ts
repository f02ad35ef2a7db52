/**
 * The link between register.ts, which starts tracing before anything else is loaded, and main.ts, which flushes it
 * at the end. It imports nothing, so that a process without tracing pays nothing.
 */

let flush: (() => Promise<void>) | undefined;

/** Called once by register.ts when tracing has started. */
export function onTracingStarted(shutdown: () => Promise<void>): void {
  flush = shutdown;
}

/** Exports what is still buffered and stops; does nothing when tracing never started. */
export async function stopTracing(): Promise<void> {
  const shutdown = flush;
  flush = undefined;
  await shutdown?.();
}
