import { trace } from '@opentelemetry/api';
import { type DatabasePool, transaction } from '../db/pool.ts';
import {
  type ClaimedDelivery,
  claimDeliveries,
  type DeliveryResult,
  settleDelivery,
} from '../db/webhook-deliveries.ts';
import { SIGNATURE_HEADER, signWebhook } from '../domain/webhook-signature.ts';
import type { WebhookOutcome } from '../telemetry/metrics.ts';
import type { WorkerLog } from './limit-processor.ts';
import { type Loop, type LoopOptions, startLoop } from './loop.ts';

export const WEBHOOK_MESSAGES = {
  delivered: 'Webhook delivered',
  failed: 'Webhook delivery failed',
  dead: 'Webhook delivery given up',
  stale: 'Webhook result came after its claim had run out',
  broken: 'Webhook deliveries cannot be claimed',
} as const;

/** Times in milliseconds. */
export interface WebhookBounds {
  /** Most deliveries at once. */
  readonly batch: number;
  /** Longest wait for the receiver's status. */
  readonly timeoutMs: number;
  /** How long a claim holds: longer than a try takes, so that two senders do not try at once. */
  readonly leaseMs: number;
  /** Pause after the first failure; it doubles with each, up to the longest. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /** Tries before a delivery is given up. */
  readonly attemptsMax: number;
}

/** Twenty tries: the first ten within 17 minutes, then one an hour, so that a receiver may be down for half a day. */
export const WEBHOOK_BOUNDS: WebhookBounds = {
  batch: 10,
  timeoutMs: 5_000,
  leaseMs: 30_000,
  retryMinMs: 1_000,
  retryMaxMs: 3_600_000,
  attemptsMax: 20,
};

export interface WebhookSenderOptions {
  readonly pool: DatabasePool;
  readonly url: string;
  readonly secret: string;
  readonly intervalMs: number;
  readonly log: WorkerLog;
  /** What the loop runs in. Default: nothing watches over it. */
  readonly run?: (loop: LoopOptions) => Loop;
  readonly bounds?: WebhookBounds;
  readonly onOutcome?: (outcome: WebhookOutcome) => void;
  /** Unix time in milliseconds, for the signature. */
  readonly nowMs?: () => number;
}

/** How long to wait after this many failed tries, or null when there is no next one. */
export function retryDelayMs(failedAttempts: number, bounds: WebhookBounds): number | null {
  if (failedAttempts >= bounds.attemptsMax) {
    return null;
  }
  return Math.min(bounds.retryMinMs * 2 ** (failedAttempts - 1), bounds.retryMaxMs);
}

/** Delivers activity to the webhook until it is stopped: claimed in one transaction, sent outside any, settled in another. */
export function startWebhookSender(options: WebhookSenderOptions): Loop {
  const { pool, log, bounds = WEBHOOK_BOUNDS, run = startLoop } = options;
  const loop = run({
    intervalMs: options.intervalMs,
    step: async () => {
      const claims = await transaction(pool, (tx) => claimDeliveries(tx, bounds.batch, bounds.leaseMs));
      const results = await Promise.all(claims.map((claim) => attempt(claim, options, bounds)));
      for (const [index, claim] of claims.entries()) {
        await settle(claim, results[index] ?? NOT_TRIED, options);
      }
      if (claims.length === bounds.batch) {
        loop.wake();
      }
    },
    onError: (error) => log.error({ err: error }, WEBHOOK_MESSAGES.broken),
  });
  return loop;
}

const NOT_TRIED: DeliveryResult = { kind: 'failed', error: 'not tried', retryInMs: 0 };

/** Never throws: whatever goes wrong is the result. */
async function attempt(
  claim: ClaimedDelivery,
  options: WebhookSenderOptions,
  bounds: WebhookBounds,
): Promise<DeliveryResult> {
  const error = await send(claim, options, bounds.timeoutMs);
  return error === null
    ? { kind: 'delivered' }
    : { kind: 'failed', error, retryInMs: retryDelayMs(claim.attempt, bounds) };
}

/** Null when the receiver took it; else why not, in words that quote nothing of what it answered. */
async function send(claim: ClaimedDelivery, options: WebhookSenderOptions, timeoutMs: number): Promise<string | null> {
  const { eventId, type, accountId, orderId, at, data } = claim;
  const body = JSON.stringify({ id: eventId, type, accountId, orderId, at, data });
  const atSeconds = Math.floor((options.nowMs ?? Date.now)() / 1000);
  try {
    const response = await fetch(options.url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'webhook-id': eventId,
        [SIGNATURE_HEADER]: signWebhook(body, options.secret, atSeconds),
      },
      // A redirect could lead anywhere, with the account's data: the address is the operator's to change.
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    // What it says is not asked for, and may be endless.
    await response.body?.cancel();
    return response.ok ? null : `answered ${response.status}`;
  } catch (error) {
    return describeFailure(error, timeoutMs);
  }
}

function describeFailure(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `no answer within ${timeoutMs} ms`;
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  return typeof code === 'string' ? `cannot be reached: ${code}` : 'cannot be reached';
}

async function settle(claim: ClaimedDelivery, result: DeliveryResult, options: WebhookSenderOptions): Promise<void> {
  const ours = await transaction(options.pool, (tx) => settleDelivery(tx, claim, result));
  report(claim, result, ours, options.log);
  if (ours) {
    options.onOutcome?.(outcomeOf(result));
  }
}

function outcomeOf(result: DeliveryResult): WebhookOutcome {
  if (result.kind === 'delivered') {
    return 'delivered';
  }
  return result.retryInMs === null ? 'dead' : 'failed';
}

function report(claim: ClaimedDelivery, result: DeliveryResult, ours: boolean, log: WorkerLog): void {
  const { orderId, eventId, attempt: count } = claim;
  const fields = { orderId, eventId, attempt: count, ...(result.kind === 'failed' ? { reason: result.error } : {}) };
  const attributes = { 'order.id': orderId, 'order.event.id': eventId, 'webhook.outcome': outcomeOf(result) };
  trace.getTracer('order-service').startSpan('deliver webhook', { attributes }).end();
  if (!ours) {
    log.warn(fields, WEBHOOK_MESSAGES.stale);
  } else if (result.kind === 'delivered') {
    log.info(fields, WEBHOOK_MESSAGES.delivered);
  } else if (result.retryInMs === null) {
    log.error(fields, WEBHOOK_MESSAGES.dead);
  } else {
    log.warn({ ...fields, retryInMs: result.retryInMs }, WEBHOOK_MESSAGES.failed);
  }
}
