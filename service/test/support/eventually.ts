const DEADLINE_MS = 10_000;
const POLL_MS = 20;

/** Polls until `probe` gives something other than undefined and false, and fails after ten seconds. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const seen = await probe();
    if (seen !== undefined && seen !== false) {
      return seen;
    }
    if (Date.now() > deadline) {
      throw new Error(`did not happen within ${DEADLINE_MS} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
