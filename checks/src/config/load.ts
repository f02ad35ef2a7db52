import { z } from 'zod';

/** A k6 script and its environment. */
export const loadScript = z.strictObject({ script: z.string(), environment: z.record(z.string(), z.string()) });

/** Loads that a release is held against. */
export const loadProfiles = z.strictObject({
  /** A hundred people at once: each reads and writes, and thinks. */
  users: loadScript,
  /** The busiest minute that is expected. */
  peak: loadScript,
  /**
   * A steady rate in windows of one length: thresholds on `http_req_duration{scenario:window_1}` and so on tell each
   * window's latency. WINDOWS and WINDOW_S (seconds) are its variables.
   */
  hour: loadScript,
});
