import { randomUUID } from 'node:crypto';
import type { DatabasePool } from '../../src/db/pool.ts';
import { applyReport, type Report } from '../../src/orders/apply-report.ts';
import { submitted } from './books.ts';

/** Delivered again while the database is away; then the venue gives the report up, as an outage that long would make it. */
const DELIVERIES_MAX = 200;
const DELIVERY_PAUSE_MS = 100;

export interface ChaosVenue {
  readonly pool: DatabasePool;
  readonly accountIds: readonly string[];
  readonly symbol: string;
  /** A whole number of the quote's currency, so that what an order reserves is exact. */
  readonly price: number;
  /** Hears what became of each report. */
  readonly count: (outcome: string) => void;
}

/**
 * A venue that is as venues are: it forgets to answer, answers late, twice and in any order, says that it does not know,
 * fills more than was asked for, and tells of orders that are not ours.
 */
export async function reportAtRandom(
  { pool, accountIds, symbol, price, count }: ChaosVenue,
  random: () => number,
  running: () => boolean,
): Promise<void> {
  while (running()) {
    const account = accountIds[Math.floor(random() * accountIds.length)] ?? '';
    const side = random() < 0.5 ? 'BUY' : 'SELL';
    const quantity = 2 + Math.floor(random() * 4);
    // What became of a transaction that was cut off nobody tells: the order may stand, and is never reported on.
    const id = await submitted(pool, account, { symbol, side, quantity: String(quantity), price: String(price) }).catch(
      () => undefined,
    );
    if (id === undefined) {
      await new Promise((resolve) => setTimeout(resolve, DELIVERY_PAUSE_MS));
      continue;
    }
    for (const report of shuffled(reportsOf(id, quantity, price, random), random)) {
      count(await deliver(pool, report, running));
    }
  }
}

/** The story of one order, as the venue might tell it. */
function reportsOf(orderId: string, quantity: number, price: number, random: () => number): Report[] {
  const fill = (filled: number): Report => ({
    kind: 'fill',
    orderId,
    fill: { exchangeFillId: randomUUID(), quantity: String(filled), price: String(price), fee: '0.5' },
  });
  const kind = random();
  if (kind < 0.1) return [{ kind: 'unknown', orderId, reason: 'no answer in time' }];
  if (kind < 0.2) return [{ kind: 'accepted', orderId }, fill(quantity + 1)];
  if (kind < 0.3) return [fill(quantity), { kind: 'canceled', orderId: randomUUID() }];
  if (kind < 0.4) return [{ kind: 'rejected', orderId, reason: 'the venue does not want it' }];
  if (kind < 0.6) return [{ kind: 'accepted', orderId }, fill(1), { kind: 'canceled', orderId }];
  const parts = [fill(1), fill(quantity - 1)];
  return [{ kind: 'accepted', orderId }, { kind: 'unknown', orderId, reason: 'no answer in time' }, ...parts, ...parts];
}

function shuffled<T>(some: readonly T[], random: () => number): T[] {
  return some
    .map((one) => ({ one, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ one }) => one);
}

async function deliver(pool: DatabasePool, report: Report, running: () => boolean): Promise<string> {
  for (let delivery = 0; delivery < DELIVERIES_MAX && running(); delivery += 1) {
    try {
      const outcome = await applyReport(pool, report);
      return outcome.kind === 'quarantined' ? `quarantined: ${outcome.reason}` : outcome.kind;
    } catch {
      // The database is away: a venue that got no acknowledgement says it again.
      await new Promise((resolve) => setTimeout(resolve, DELIVERY_PAUSE_MS));
    }
  }
  return 'not delivered';
}
