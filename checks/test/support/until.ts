/** Taken before any test replaces the clock. */
const { setTimeout: realSetTimeout } = globalThis;

const pollMs = 10;

/** Waits until something is so. @throws when it is not so within the deadline. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`after ${deadlineMs / 1000} s it is still not so: ${what}`);
    await new Promise((resolve) => realSetTimeout(resolve, pollMs));
  }
}
