import { trace } from '@opentelemetry/api';
import { EVENTS_CHANNEL, type ProjectedEvent, projectEvents } from '../db/activity.ts';
import { listen } from '../db/listen.ts';
import { type DatabasePool, transaction } from '../db/pool.ts';
import type { WorkerLog } from './limit-processor.ts';
import { type Loop, type LoopOptions, startLoop } from './loop.ts';

export const PROJECTOR_MESSAGES = {
  projected: 'Order event projected',
  failed: 'Order events cannot be projected',
  listenerLost: 'Notifications of order events are not heard; polling goes on',
} as const;

/** Notifications within this time are answered together, so that under load there is not a commit per event. */
const GATHER_MS = 50;
/** Most events of one transaction. */
export const PROJECTION_BATCH = 200;

export interface ActivityProjectorOptions {
  readonly pool: DatabasePool;
  /** For the connection that hears notifications. */
  readonly connectionString: string;
  /** How long an event waits at most when no notification comes. */
  readonly intervalMs: number;
  /** Whether a webhook is to hear of what is projected. */
  readonly forWebhook: boolean;
  readonly log: WorkerLog;
  /** What the loop runs in. Default: nothing watches over it. */
  readonly run?: (loop: LoopOptions) => Loop;
  /** Hears how many events each step projected. It must not throw. */
  readonly onProjected?: (count: number) => void;
}

/** Turns the outbox into activity until it is stopped; woken by notifications, with a poll as their net. */
export function startActivityProjector(options: ActivityProjectorOptions): Loop {
  const { pool, log, run = startLoop } = options;
  const loop = run({
    intervalMs: options.intervalMs,
    step: async () => {
      const events = await transaction(pool, (tx) => projectEvents(tx, PROJECTION_BATCH, options.forWebhook));
      report(events, log);
      options.onProjected?.(events.length);
      if (events.length === PROJECTION_BATCH) {
        loop.wake();
      }
    },
    onError: (error) => log.error({ err: error }, PROJECTOR_MESSAGES.failed),
  });
  let gathering: NodeJS.Timeout | undefined;
  const listener = listen({
    connectionString: options.connectionString,
    applicationName: 'order-service events',
    channel: EVENTS_CHANNEL,
    onNotify: () => {
      gathering ??= setTimeout(() => {
        gathering = undefined;
        loop.wake();
      }, GATHER_MS);
    },
    onError: (error) => log.warn({ err: error }, PROJECTOR_MESSAGES.listenerLost),
  });
  return {
    wake: loop.wake,
    stop: async () => {
      await Promise.all([listener.stop(), loop.stop()]);
      clearTimeout(gathering);
    },
  };
}

/** One line and one span per event, under the order's id: what leads from a request to its fills. */
function report(events: readonly ProjectedEvent[], log: WorkerLog): void {
  const tracer = trace.getTracer('order-service');
  for (const { eventId, orderId, accountId, type, fillId } of events) {
    log.info(
      { orderId, accountId, eventId, type, ...(fillId === null ? {} : { fillId }) },
      PROJECTOR_MESSAGES.projected,
    );
    const attributes = { 'order.id': orderId, 'order.event.id': eventId, 'order.event.type': type };
    tracer.startSpan('project order event', { attributes }).end();
  }
}
