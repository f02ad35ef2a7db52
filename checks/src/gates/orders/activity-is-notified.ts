import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { makeExecutableWrites, untilExecuted } from '../../io/executed-writes.ts';
import { send } from '../../io/http.ts';
import { retold } from '../../sandbox/front.ts';

interface Facts {
  withinMs: number;
  orders: {
    id: string;
    /** The kinds of what its owner is told of it, oldest first as far as the list says. */
    told: string[];
    executed: string;
    /** Whether the stranger's list names it. */
    strangerTold: boolean;
  }[];
}

const orderCount = 5;
const executedWithinMs = 10_000;
const toldWithinMs = 5_000;
const lookEveryMs = 50;

export default defineGate<Facts>({
  id: 'orders/activity-is-notified',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:orders', 'config:processing', 'config:write'],
  reliesOn: ['quotes'],
  covers: ['orders.activity-notified'],
  unit: 'executed orders',
  why: 'A fill that nobody is told of is found in the statement at the end of the month, by somebody who has traded on without it.',
  fix: 'Write the event in the transaction of the fill, and carry it to what its owner reads; see that the worker which does so runs.',
  source: 'https://www.finra.org/rules-guidance/rulebooks/finra-rules/2232',

  async observe(context) {
    const writers = context.target.credentials.writers;
    const ids = await makeExecutableWrites(context, Math.min(orderCount, writers.length));
    const never = (await untilExecuted(context, ids, executedWithinMs)).filter(({ times }) => times === 0);
    if (never.length > 0)
      throw new Error(
        `${never.length} orders were not executed within ${executedWithinMs / 1000} s: there is nothing to tell`,
      );
    const { executed } = partOf(context.config, 'orders').activity;
    const orders = await Promise.all(
      // Written in turn by the writers, so that the key of each is known.
      ids.map(async (id, n) => ({
        id,
        executed,
        told: await untilTold(context, writers[n % writers.length] ?? '', id, executed),
        strangerTold: (await toldOf(context, writers[(n + 1) % writers.length] ?? '', id)).length > 0,
      })),
    );
    return { examined: orders.length, facts: { withinMs: toldWithinMs, orders } };
  },

  judge: ({ withinMs, orders }) =>
    orders.flatMap(({ id, told, executed, strangerTold }): Finding[] => {
      if (strangerTold) return [{ message: `another account is told of order ${id}`, identity: 'told to a stranger' }];
      const times = told.filter((kind) => kind === executed).length;
      if (times === 1) return [];
      const message =
        times === 0
          ? `${withinMs} ms after order ${id} was executed, its owner is told of ${told.join(', ') || 'nothing'}`
          : `the owner of order ${id} is told ${times} times that it was executed`;
      return [{ message, identity: times === 0 ? 'not told' : 'told again' }];
    }),

  samples: {
    good: [facts({})],
    bad: [
      facts({ told: ['ORDER_PLACED'] }),
      facts({ told: [] }),
      facts({ told: ['ORDER_FILLED', 'ORDER_FILLED'] }),
      facts({ strangerTold: true }),
    ],
  },

  /** The list is empty for everybody. */
  async sabotage({ config, intercept }) {
    const { path, list } = partOf(config, 'orders').activity;
    return intercept(retold(path, (body) => ({ ...body, [list]: [] })));
  },
});

async function untilTold(context: Context, key: string, id: string, executed: string): Promise<string[]> {
  const deadline = performance.now() + toldWithinMs;
  for (;;) {
    const told = await toldOf(context, key, id);
    if (told.includes(executed) || performance.now() > deadline) return told;
    await delay(lookEveryMs, undefined, { signal: context.signal });
  }
}

/** What the newest page says of it. @throws when there is no page, or one of another shape. */
async function toldOf({ config, target, signal }: Context, key: string, id: string): Promise<string[]> {
  const { path, list, id: idField, kind } = partOf(config, 'orders').activity;
  const { status, text } = await send(target.url, { method: 'GET', path }, { key, signal });
  if (status !== 200) throw new Error(`GET ${path} answered ${status}`);
  const page = z.object({ [list]: z.array(z.record(z.string(), z.unknown())) }).parse(JSON.parse(text));
  return (page[list] ?? [])
    .filter((each) => each[idField] === id)
    .map((each) => String(each[kind]))
    .reverse();
}

function facts(change: Partial<Facts['orders'][number]>): Facts {
  const order = { id: 'a', told: ['ORDER_PLACED', 'ORDER_FILLED'], executed: 'ORDER_FILLED', strangerTold: false };
  return { withinMs: 5000, orders: [{ ...order, ...change }] };
}
