import type { OrderMode } from '../domain/order.ts';

/** Of the last accepted orders, how many tell what is usual for an account. */
const RECENT_ORDERS = 20;

/**
 * What the limits are held against, as columns of the placement's one read. $1 account, $3 symbol, $5 client order id;
 * `p` is the position. Each is a row by its key or a bounded range of orders_accepted_idx, however many orders there are:
 * the last minute holds no more orders than the limit allows.
 */
export const RISK_COLUMNS = `
    trim_scale(coalesce(la.max_order_notional, ld.max_order_notional)) AS "maxOrderNotional",
    trim_scale(coalesce(la.max_daily_notional, ld.max_daily_notional)) AS "maxDailyNotional",
    trim_scale(coalesce(la.max_position_notional, ld.max_position_notional)) AS "maxPositionNotional",
    trim_scale(coalesce(la.max_daily_loss, ld.max_daily_loss)) AS "maxDailyLoss",
    coalesce(la.max_open_orders, ld.max_open_orders) AS "maxOpenOrders",
    coalesce(la.max_orders_per_minute, ld.max_orders_per_minute) AS "maxOrdersPerMinute",
    coalesce(la.price_collar_bps, ld.price_collar_bps) AS "priceCollarBps",
    coalesce(la.fat_finger_multiple, ld.fat_finger_multiple) AS "fatFingerMultiple",
    coalesce(la.allowed_modes, ld.allowed_modes) AS "allowedModes",
    coalesce($3::text = ANY (la.restricted_symbols), false) OR coalesce($3::text = ANY (ld.restricted_symbols), false)
      AS restricted,
    trim_scale(lq.bid) AS "lastBid", trim_scale(lq.ask) AS "lastAsk",
    trim_scale(coalesce(p.quantity, 0)) AS "heldQuantity",
    coalesce((SELECT trim_scale(e.open_buy_quantity) FROM risk.open_exposure e
      WHERE e.account_id = $1::uuid AND e.symbol = $3::text), 0) AS "openBuyQuantity",
    coalesce((SELECT sum(e.open_orders) FROM risk.open_exposure e WHERE e.account_id = $1::uuid), 0)::integer AS "openOrders",
    (SELECT count(*) FROM execution.orders o WHERE o.account_id = $1::uuid AND o.status <> 'DENIED'
      AND o.created_at > now() - interval '1 minute')::integer AS "ordersLastMinute",
    trim_scale(coalesce(u.ordered_notional, 0)) AS "orderedToday", trim_scale(coalesce(u.realised, 0)) AS "realisedToday",
    coalesce(recent.orders, 0)::integer AS "recentOrders",
    trim_scale(round(coalesce(recent.notional, 0), 16)) AS "recentNotional",
    ($5::text IS NOT NULL AND EXISTS (SELECT FROM execution.orders o WHERE o.account_id = $1::uuid
      AND o.client_order_id = $5::text AND o.status <> 'DENIED')) AS "clientOrderIdTaken"`;

/** The joins of RISK_COLUMNS: the account's row and everybody's, the last quote however old, the day, the last orders. */
export const RISK_JOINS = `LEFT JOIN risk.limits la ON la.account_id = $1::uuid
  LEFT JOIN risk.limits ld ON ld.account_id IS NULL
  LEFT JOIN market.quotes lq ON lq.symbol = $3::text AND lq.as_of <= clock_timestamp() + interval '5 seconds'
  LEFT JOIN risk.daily_usage u ON u.account_id = $1::uuid AND u.day = (now() AT TIME ZONE 'UTC')::date
  LEFT JOIN LATERAL (
    SELECT count(*) AS orders, avg(r.notional) AS notional FROM (
      SELECT o.notional FROM execution.orders o WHERE o.account_id = $1::uuid AND o.status <> 'DENIED'
      ORDER BY o.account_id, o.created_at DESC, o.id DESC LIMIT ${RECENT_ORDERS}
    ) r WHERE r.notional IS NOT NULL
  ) recent ON true`;

/** The rows of RISK_COLUMNS. Decimals are plain decimal strings; a limit that no row sets is null. */
export interface StoredRiskFacts {
  readonly maxOrderNotional: string | null;
  readonly maxDailyNotional: string | null;
  readonly maxPositionNotional: string | null;
  readonly maxDailyLoss: string | null;
  readonly maxOpenOrders: number | null;
  readonly maxOrdersPerMinute: number | null;
  readonly priceCollarBps: number | null;
  readonly fatFingerMultiple: number | null;
  readonly allowedModes: readonly OrderMode[] | null;
  readonly restricted: boolean;
  readonly lastBid: string | null;
  readonly lastAsk: string | null;
  readonly heldQuantity: string;
  readonly openBuyQuantity: string;
  readonly openOrders: number;
  readonly ordersLastMinute: number;
  readonly orderedToday: string;
  readonly realisedToday: string;
  readonly recentOrders: number;
  readonly recentNotional: string;
  /** An order that was not denied has the client order id already. */
  readonly clientOrderIdTaken: boolean;
}
