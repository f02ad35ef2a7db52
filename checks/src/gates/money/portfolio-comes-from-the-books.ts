import Big from 'big.js';
import { z } from 'zod';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';
import { retold } from '../../sandbox/front.ts';
import { limitedAccount } from '../risk/support/limits.ts';

/** What its owner is told, and what the database holds; decimal strings. */
interface Look {
  when: string;
  told: string;
  stored: string;
}

interface Facts {
  looks: Look[];
}

export default defineGate<Facts>({
  id: 'money/portfolio-comes-from-the-books',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:portfolio'],
  // Cash that comes and goes here would be a difference to whoever adds it up at that moment.
  alone: true,
  covers: ['money.portfolio-from-books'],
  unit: 'looks at a balance',
  why: 'A balance from a constant or a cache lets a customer trade with money that is gone, or keeps him from money that is there.',
  fix: 'Read the balance from the database in the request that shows it, in the same transaction as what it is shown with.',
  source: 'https://martinfowler.com/eaaDev/AccountingNarrative.html',

  async observe(context) {
    const { more, less } = partOf(context.config, 'portfolio');
    const { account } = limitedAccount(context);
    const change = (sql: string) =>
      withDatabase(context.target.databaseUrl, (database) => database.query(sql, [account]));
    const looks = [await look(context, 'at first')];
    await change(more);
    try {
      looks.push(await look(context, 'after one more came in'));
    } finally {
      await change(less);
    }
    looks.push(await look(context, 'after it went out again'));
    return { examined: looks.length, facts: { looks } };
  },

  judge: ({ looks }) =>
    looks.flatMap(({ when, told, stored }): Finding[] => {
      if (new Big(told).eq(stored)) return [];
      return [{ message: `${when}, the account holds ${stored} and its owner is told ${told}`, identity: when }];
    }),

  samples: {
    good: [{ looks: [{ when: 'at first', told: '100.50', stored: '100.5' }] }],
    bad: [{ looks: [{ when: 'at first', told: '100.50', stored: '100.51' }] }],
  },

  /** Everybody holds the same round sum. */
  async sabotage({ config, intercept }) {
    const { request, cash } = partOf(config, 'portfolio');
    return intercept(retold(request.path, (body) => ({ ...body, [cash]: '100000' })));
  },
});

async function look(context: Context, when: string): Promise<Look> {
  const { request, cash, storedCash } = partOf(context.config, 'portfolio');
  const { key, account } = limitedAccount(context);
  const { status, text } = await send(context.target.url, request, { key, signal: context.signal });
  if (status !== 200) throw new Error(`${request.method} ${request.path} answered ${status}`);
  const told = z.object({ [cash]: z.string() }).parse(JSON.parse(text))[cash] ?? '';
  const [row] = await withDatabase(context.target.databaseUrl, (database) =>
    database.query(`SELECT * FROM (${storedCash}) AS stored (cash)`, [account]),
  );
  if (!row?.cash) throw new Error(`the database has no account ${account}`);
  return { when, told, stored: row.cash };
}
