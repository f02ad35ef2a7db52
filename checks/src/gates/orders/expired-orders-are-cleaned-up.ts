import { setTimeout as delay } from 'node:timers/promises';
import Big from 'big.js';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { type LimitRequest, type OrderState, placeOrder, readOrder, untilStatus } from './support/limit-orders.ts';

interface Facts {
  resting: string;
  expired: string;
  withinMs: number;
  orders: {
    /** Just after it was placed, and when its time was up and `withinMs` more. */
    before: OrderState;
    after: OrderState;
    /** Within its time, `withinMs` counted from the end of it. */
    expiredAfterMs: number | null;
  }[];
}

const orderCount = 3;
/** From now until they expire: long enough to see them rest. */
const restsForMs = 700;

export default defineGate<Facts>({
  id: 'orders/expired-orders-are-cleaned-up',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:orders', 'config:write'],
  covers: ['orders.expiry'],
  unit: 'orders with an end',
  why: 'An order that outlives its end is filled at a price that its owner no longer wants, and holds back cash until then.',
  fix: 'Let a worker look for orders whose time is up, in small sets by an index on it, and give back in the same transaction what they hold.',
  source: 'https://www.fixtrading.org/online-specification/order-state-changes/',

  async observe(context) {
    const { expiring, resting, expired, expiredWithinMs } = partOf(context.config, 'orders');
    const orders = await Promise.all(
      Array.from({ length: orderCount }, async () => {
        const expiresAtMs = Date.now() + restsForMs;
        const id = await placeOrder(context, until(expiring, new Date(expiresAtMs)));
        const before = await readOrder(context, id);
        await delay(Math.max(0, expiresAtMs - Date.now()), undefined, { signal: context.signal });
        const after = await untilStatus(context, id, expired, expiredWithinMs);
        return { before, after, expiredAfterMs: after.status === expired ? Date.now() - expiresAtMs : null };
      }),
    );
    return { examined: orders.length, facts: { resting, expired, withinMs: expiredWithinMs, orders } };
  },

  judge: ({ resting, withinMs, orders }) =>
    orders.flatMap(({ before, after, expiredAfterMs }): Finding[] => {
      if (before.status !== resting)
        return [{ message: `an order with an end in the future was ${before.status}`, identity: 'not resting' }];
      if (expiredAfterMs === null)
        return [
          { message: `an order was still ${after.status} ${withinMs} ms after its end`, identity: 'not expired' },
        ];
      if (new Big(after.held).eq(0)) return [];
      return [{ message: `an order that expired still holds ${after.held} back`, identity: 'holds back' }];
    }),

  samples: {
    good: [facts({})],
    bad: [
      facts({ before: { status: 'EXPIRED', filled: '0', price: null, held: '0' } }),
      facts({ after: { status: 'OPEN', filled: '0', price: null, held: '0.1' }, expiredAfterMs: null }),
      facts({ after: { status: 'EXPIRED', filled: '0', price: null, held: '0.1' } }),
    ],
  },

  /** The end is stored an hour too late, as by a clock or a time zone that is wrong. */
  async sabotage({ config, databaseUrl }) {
    const { table, column } = partOf(config, 'orders').expiry;
    await withDatabase(databaseUrl, async (database) => {
      await database.query(`CREATE TABLE public.preflight_late AS SELECT ${column} AS late FROM ${table} WITH NO DATA`);
      await database.query(`CREATE FUNCTION public.preflight_later() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN
          NEW.${column} := NEW.${column} + interval '1 hour';
          INSERT INTO public.preflight_late VALUES (NEW.${column});
          RETURN NEW;
        END $$`);
      await database.query(`CREATE TRIGGER preflight_later BEFORE INSERT ON ${table} FOR EACH ROW
        WHEN (NEW.${column} IS NOT NULL) EXECUTE FUNCTION public.preflight_later()`);
    });
    // What was made meanwhile gets the end that its event tells of, past whatever keeps an end from being changed.
    return () =>
      withDatabase(databaseUrl, async (database) => {
        await database.query('DROP FUNCTION public.preflight_later() CASCADE');
        await database.query('SET session_replication_role = replica');
        await database.query(`UPDATE ${table} SET ${column} = ${column} - interval '1 hour'
          WHERE ${column} IN (SELECT late FROM public.preflight_late)`);
        await database.query('DROP TABLE public.preflight_late');
      });
  },
});

function until(request: LimitRequest, expiresAt: Date): LimitRequest {
  const body = Object.entries(request.body ?? {}).map(([name, value]) => [
    name,
    value === '{expiresAt}' ? expiresAt.toISOString() : value,
  ]);
  return { ...request, body: Object.fromEntries(body) };
}

function facts(change: Partial<Facts['orders'][number]>): Facts {
  const order = {
    before: { status: 'OPEN', filled: '0', price: null, held: '0.1' },
    after: { status: 'EXPIRED', filled: '0', price: null, held: '0' },
    expiredAfterMs: 300,
    ...change,
  };
  return { resting: 'OPEN', expired: 'EXPIRED', withinMs: 5000, orders: [order] };
}
