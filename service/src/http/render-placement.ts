import { OrderServiceError } from '../domain/errors.ts';
import type { Placement, RenderedReply } from '../orders/place-order.ts';
import { problemReply } from './problem.ts';

/** Pure: the text is stored under the idempotency key, and a replay sends it again byte by byte. */
export function renderPlacement(placement: Placement, requestId: string): RenderedReply {
  if (placement.kind === 'placed') return { status: 201, body: JSON.stringify(placement.order) };
  const { reason, limit, observed, attempted } = placement.denial;
  const details = { orderId: placement.order.id, reason, limit, observed, attempted };
  const { status, body } = problemReply(new OrderServiceError('order_denied', { details }), requestId);
  return { status, body: JSON.stringify(body) };
}
