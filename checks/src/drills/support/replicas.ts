import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { type Probes, startProbes } from '../../io/probes.ts';
import type { WriteTarget } from '../../io/writes.ts';
import { forwardTo, startFront } from '../../sandbox/front.ts';
import type { Replica } from '../../sandbox/sandbox.ts';

/** Several processes of the service behind a balancer. */
export interface Replicas {
  readonly replicas: readonly Replica[];
  /** Writes go through the balancer. */
  readonly through: WriteTarget;
}

const readinessEveryMs = 25;
const readinessTimeoutMs = 500;

/**
 * Starts so many replicas, and a balancer that asks each for its readiness and sends requests to those that said 200 last, in
 * turn. It repeats none, as a careful proxy in front of orders does not. All of it ends with the work.
 */
export async function withReplicas<T>(
  context: Context,
  count: number,
  work: (set: Replicas) => Promise<T>,
): Promise<T> {
  const { sandbox, config, target, signal } = context;
  const { environment } = partOf(config, 'replicas');
  const replicas = await Promise.all(Array.from({ length: count }, () => sandbox.startReplica(environment)));
  const watched = replicas.map(({ url }) =>
    startProbes({
      url,
      path: config.service.readiness,
      signal,
      everyMs: readinessEveryMs,
      timeoutMs: readinessTimeoutMs,
    }),
  );
  let turn = 0;
  const front = await startFront(replicas[0]?.url ?? '', (request) => {
    turn += 1;
    return forwardTo(chosen(replicas, watched, turn), request);
  });
  try {
    await Promise.all(watched.map((probes) => probes.until(({ status }) => status === 200, firstReadyWithinMs)));
    const { databaseUrl, credentials } = target;
    return await work({ replicas, through: { config, target: { url: front.url, databaseUrl, credentials }, signal } });
  } finally {
    await Promise.all(watched.map((probes) => probes.stop()));
    await front.close();
    await Promise.all(replicas.map((replica) => replica.close()));
  }
}

const firstReadyWithinMs = 10_000;

/** @throws when none is ready: then a request has nowhere to go, and its client gets no answer. */
function chosen(replicas: readonly Replica[], watched: readonly Probes[], turn: number): string {
  const ready = replicas.filter((_, index) => watched[index]?.last()?.status === 200);
  const one = ready[turn % ready.length];
  if (!one) throw new Error('no replica is ready');
  return one.url;
}
