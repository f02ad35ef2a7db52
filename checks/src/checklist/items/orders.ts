import { drill, gate, type Item, signOff } from '../item.ts';

/** The life of an order. */
export const orders: readonly Item[] = [
  {
    id: 'orders.limit.fills-when-met',
    severity: 'blocker',
    answer: gate('orders/limit-orders-fill-when-met'),
    asks: ['S0:77 Verify orders execute when price conditions are met'],
  },
  {
    id: 'orders.expiry',
    severity: 'blocker',
    answer: gate('orders/expired-orders-are-cleaned-up'),
    asks: ['S0:78 Test order expiration functionality', 'S0:90 Test expired orders cleanup'],
  },
  {
    id: 'orders.activity-notified',
    severity: 'warning',
    answer: gate('orders/activity-is-notified'),
    asks: ['S0:80 Confirm activity notifications are generated', 'S3:373 Notify of filled orders'],
  },
  {
    id: 'orders.short-funds',
    severity: 'blocker',
    answer: gate('risk/denials-say-why'),
    asks: ['S0:89 Test orders with insufficient funds/shares'],
  },
  {
    id: 'orders.execution-accuracy',
    severity: 'blocker',
    answer: signOff(
      'operations',
      7,
      "Fills of the target's last week beside the quotes of their time, and what `npm run audit` said of its books.",
    ),
    partly: ['orders/fills-match-their-quotes'],
    asks: ['S0:176 Validate order execution accuracy'],
  },
  {
    id: 'orders.fills-match-quotes',
    severity: 'blocker',
    answer: gate('orders/fills-match-their-quotes'),
    asks: [],
  },
  {
    id: 'orders.limit.within-5-minutes',
    severity: 'warning',
    answer: gate('orders/limit-orders-fill-when-met'),
    asks: ['S0:185 **Processing Time**: Orders process within 5 minutes of price condition being met'],
  },
  {
    id: 'orders.idempotent-replay',
    severity: 'blocker',
    answer: drill('drills/backend-killed-mid-order'),
    asks: ['S1:14 Idempotency middleware for write operations'],
  },
  {
    id: 'orders.fills-unique',
    severity: 'blocker',
    answer: gate('database/constraints-refuse'),
    asks: ['S1:15 Fill deduplication via `exchange_fill_id` UNIQUE constraint'],
  },
  {
    id: 'orders.state-machine',
    severity: 'blocker',
    answer: gate('orders/state-machine-is-enforced'),
    asks: ['S1:16 Order state machine enforced'],
  },
  {
    id: 'orders.execution-atomic',
    severity: 'blocker',
    answer: drill('drills/worker-killed'),
    partly: ['drills/backend-killed-mid-order'],
    asks: ['S4:29 Trade execution rollback (P0 #2)'],
  },
  {
    id: 'orders.acknowledged-survives',
    severity: 'blocker',
    answer: drill('drills/backend-killed-mid-order'),
    asks: [],
  },
];
