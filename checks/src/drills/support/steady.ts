import type { Context } from '../../engine/context.ts';
import { startProbes } from '../../io/probes.ts';
import { attemptWrite } from '../../io/writes.ts';

const readyWithinMs = 10_000;

/** @throws when the target is not ready within ten seconds, or does not take a write then. */
export async function mustBeSteady({ config, target, signal }: Context): Promise<void> {
  const probes = startProbes({ url: target.url, path: config.service.readiness, signal });
  try {
    await probes.until(({ status }) => status === 200, readyWithinMs);
  } finally {
    await probes.stop();
  }
  const write = await attemptWrite({ config, target, signal }, { idempotencyKey: crypto.randomUUID(), writer: 0 });
  if (!write.accepted)
    throw new Error(`not in its steady state: an order was answered ${write.status ?? 'with nothing'}`);
}
