import { OrderServiceError } from './errors.ts';
import type { NewOrder, TimeInForce } from './order.ts';

/** When a DAY order of this moment ends, or null when no session is known. */
export type SessionEnd = (at: Temporal.Instant) => Temporal.Instant | null;

/** A MARKET order takes what is there now and rests never, whatever it asks for. */
export function effectiveTimeInForce(order: Pick<NewOrder, 'type' | 'timeInForce'>): TimeInForce {
  return order.type === 'MARKET' ? 'IOC' : order.timeInForce;
}

/**
 * When the order ends by itself, as RFC 3339 in UTC with microseconds (the database's own spelling), or null.
 *
 * @throws OrderServiceError `invalid_expiry` for a DAY order of a symbol whose session nobody knows.
 */
export function expiryOf(
  order: Pick<NewOrder, 'type' | 'timeInForce' | 'expireAt'>,
  now: string,
  sessionEnd: SessionEnd,
): string | null {
  switch (effectiveTimeInForce(order)) {
    case 'GTC':
    case 'IOC':
      return null;
    case 'GTD':
      return order.expireAt === null ? null : microseconds(Temporal.Instant.from(order.expireAt));
    case 'DAY': {
      const end = sessionEnd(Temporal.Instant.from(now));
      if (end === null) {
        throw new OrderServiceError('invalid_expiry', { details: { timeInForce: 'DAY', session: 'unknown' } });
      }
      return microseconds(end);
    }
  }
}

function microseconds(instant: Temporal.Instant): string {
  return instant.round('microsecond').toString({ fractionalSecondDigits: 6 });
}
