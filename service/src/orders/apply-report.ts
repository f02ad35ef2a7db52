import { randomUUIDv7 } from 'node:crypto';
import { isRowFault } from '../db/errors.ts';
import {
  findFill,
  lockOrderSql,
  type OrderWithFills,
  type QuarantineReason,
  quarantineReport,
  readOrderForChange,
  writeOrderChange,
} from '../db/order-changes.ts';
import { type DatabasePool, type Tx, transaction } from '../db/pool.ts';
import { OrderServiceError } from '../domain/errors.ts';
import { compare, isBookable, isCash } from '../domain/money.ts';
import { type Fill, fillEvent, type Happening, outcomeOf } from '../domain/order-change.ts';
import { failureReason } from './execute-limit-orders.ts';

/** What a venue says of an order. */
export type Report =
  | {
      readonly kind: 'accepted' | 'rejected' | 'canceled' | 'cancel-refused' | 'expired' | 'unknown';
      readonly orderId: string;
      /** In the venue's words; kept with the event. */
      readonly reason?: string;
      /** It is about an order in this state, and tells nothing of one that has left it. */
      readonly onlyFrom?: 'UNKNOWN';
    }
  | { readonly kind: 'fill'; readonly orderId: string; readonly fill: Omit<Fill, 'id'> };

/** `duplicate`: this very fill is booked already. `ignored`: it tells nothing new. `quarantined`: kept for a person. */
export type ReportOutcome =
  | { readonly kind: 'applied' | 'duplicate' | 'ignored' }
  | { readonly kind: 'quarantined'; readonly reason: QuarantineReason };

const EVENTS = {
  accepted: 'ACCEPTED',
  rejected: 'REJECTED',
  canceled: 'CANCELED',
  'cancel-refused': 'CANCEL_REFUSED',
  expired: 'EXPIRED',
  unknown: 'OUTCOME_UNKNOWN',
} as const;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Longer reasons of a venue are cut: they are for reading. */
const REASON_MAX = 500;

/**
 * Books what a venue says of an order: in any order, as often as it says it, and however late. A fill counts once, by its
 * exchangeFillId. What contradicts what is known, or cannot be paid for, is kept in execution.quarantined_reports; such a
 * fill may be delivered again once the books can take it. Nothing is dropped.
 *
 * @throws OrderServiceError those of `transaction`. The report may then be applied again.
 */
export async function applyReport(pool: DatabasePool, report: Report): Promise<ReportOutcome> {
  if (!UUID.test(report.orderId)) {
    return transaction(pool, (tx) => keep(tx, report, 'UNKNOWN_ORDER'));
  }
  try {
    return await transaction(pool, (tx) => applyUnderLock(tx, report), lockOrderSql(report.orderId));
  } catch (error) {
    if (!(error instanceof OrderServiceError) || !isRowFault(error)) {
      throw error;
    }
    return transaction(pool, (tx) => keep(tx, report, failureReason(error)));
  }
}

async function applyUnderLock(tx: Tx, report: Report): Promise<ReportOutcome> {
  const order = await readOrderForChange(tx, report.orderId, null);
  if (order === undefined) {
    return keep(tx, report, 'UNKNOWN_ORDER');
  }
  if (report.kind === 'fill') {
    return applyFill(tx, order, report);
  }
  if (report.onlyFrom !== undefined && order.status !== report.onlyFrom) {
    return { kind: 'ignored' };
  }
  const facts = report.reason === undefined ? {} : { reason: report.reason.slice(0, REASON_MAX) };
  return book(tx, order, report, { kind: 'event', event: EVENTS[report.kind] }, facts);
}

async function applyFill(
  tx: Tx,
  order: OrderWithFills,
  report: Extract<Report, { kind: 'fill' }>,
): Promise<ReportOutcome> {
  const { exchangeFillId, quantity, price, fee } = report.fill;
  if (!isBookable(quantity) || !isBookable(price) || !isCash(fee)) {
    return keep(tx, report, 'NOT_BOOKABLE');
  }
  const known = await findFill(tx, exchangeFillId);
  if (known !== undefined) {
    const same =
      known.orderId === order.id && compare(known.quantity, quantity) === 0 && compare(known.price, price) === 0;
    return same ? { kind: 'duplicate' } : keep(tx, report, 'CONFLICTING_FILL');
  }
  const fill = { id: randomUUIDv7(), exchangeFillId, quantity, price, fee };
  return book(tx, order, report, { kind: 'fill', fill }, {});
}

async function book(
  tx: Tx,
  order: OrderWithFills,
  report: Report,
  happening: Happening,
  facts: Readonly<Record<string, string>>,
): Promise<ReportOutcome> {
  const outcome = outcomeOf(order, happening);
  switch (outcome.kind) {
    case 'change':
      await writeOrderChange(tx, { order, change: outcome.change, facts, reportKey: keyOf(report) });
      return { kind: 'applied' };
    case 'ignore':
      return { kind: 'ignored' };
    case 'quarantine': {
      const overfills = happening.kind === 'fill' && fillEvent(order, happening.fill) === 'OVERFILLED';
      return keep(tx, report, overfills ? 'OVERFILL' : 'CONTRADICTS_STATE');
    }
    case 'refuse':
      throw new Error(`a report is never refused: ${report.kind} of an order that is ${order.status}`);
  }
}

async function keep(tx: Tx, report: Report, reason: QuarantineReason): Promise<ReportOutcome> {
  const orderId = reason === 'UNKNOWN_ORDER' ? null : report.orderId;
  await quarantineReport(tx, { orderId, reportKey: keyOf(report), reason, report });
  return { kind: 'quarantined', reason };
}

/** The same report has the same key. Another fill under the same id of the venue is another report. */
function keyOf(report: Report): string {
  if (report.kind !== 'fill') {
    return `${report.kind} ${report.orderId.slice(0, KEY_PART_MAX)}`;
  }
  const { exchangeFillId, quantity, price } = report.fill;
  return [report.kind, report.orderId, exchangeFillId, quantity, price]
    .map((part) => part.slice(0, KEY_PART_MAX))
    .join(' ');
}

/** Five of them stay below what the table takes for a key. */
const KEY_PART_MAX = 90;
