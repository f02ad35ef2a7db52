import type { OrderEventRecord } from '../../src/domain/order.ts';

/** What folding the events of an order, oldest first, says about its row. */
export function foldOrder(events: readonly OrderEventRecord[]): Record<string, unknown> {
  const [first, ...later] = events;
  if (first === undefined) {
    throw new Error('an order has at least one event');
  }
  const { denial, ...ordered } = first.data as Record<string, unknown> & { denial?: { reason: string } };
  const begun = {
    ...ordered,
    id: first.orderId,
    createdAt: first.at,
    filledQuantity: '0',
    averageFillPrice: null,
    denialReason: denial?.reason ?? null,
  };
  const { version, toStatus, at } = later.at(-1) ?? first;
  const keys = ['filledQuantity', 'averageFillPrice', 'reservedCash', 'reservedQuantity'];
  const changes = later.flatMap((event) =>
    keys.filter((key) => key in event.data).map((key) => [key, event.data[key]]),
  );
  return { ...begun, ...Object.fromEntries(changes), version, status: toStatus, updatedAt: at };
}
