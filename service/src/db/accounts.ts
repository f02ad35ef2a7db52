import type { Tx } from './pool.ts';

export interface Account {
  readonly id: string;
  readonly name: string;
}

/** Makes accounts that do not exist yet, by name, and gives back all of them in no particular order. */
export async function ensureAccounts(tx: Tx, accounts: readonly Account[]): Promise<Account[]> {
  await tx.query({
    text: `INSERT INTO portfolio.accounts (id, name) SELECT * FROM unnest($1::uuid[], $2::text[])
      ON CONFLICT (name) DO NOTHING`,
    values: [accounts.map((account) => account.id), accounts.map((account) => account.name)],
  });
  const { rows } = await tx.query<Account>({
    text: 'SELECT id, name FROM portfolio.accounts WHERE name = ANY ($1::text[])',
    values: [accounts.map((account) => account.name)],
  });
  return rows;
}

/** Cash that comes into an account from outside; a positive decimal string. */
export interface Deposit {
  readonly id: string;
  readonly accountId: string;
  readonly amount: string;
}

/** Records deposits, one per account at most, and credits them, in one statement. */
export async function recordDeposits(tx: Tx, deposits: readonly Deposit[], note: string): Promise<void> {
  await tx.query({
    text: `WITH deposit AS (
        INSERT INTO portfolio.deposits (id, account_id, amount, note)
        SELECT id, account_id, amount, $4::text FROM unnest($1::uuid[], $2::uuid[], $3::numeric[]) AS d (id, account_id, amount)
        RETURNING account_id, amount
      )
      UPDATE portfolio.accounts a SET cash = a.cash + d.amount FROM deposit d WHERE a.id = d.account_id`,
    values: [
      deposits.map((deposit) => deposit.id),
      deposits.map((deposit) => deposit.accountId),
      deposits.map((deposit) => deposit.amount),
      note,
    ],
  });
}

/** Holdings that come into an account without a trade; a positive quantity and its cost, as decimal strings. */
export interface Transfer {
  readonly id: string;
  readonly accountId: string;
  readonly symbol: string;
  readonly quantity: string;
  readonly cost: string;
}

/** Records transfers, one per account and symbol at most, and books them, in one statement. */
export async function recordTransfers(tx: Tx, transfers: readonly Transfer[], note: string): Promise<void> {
  await tx.query({
    text: `WITH given AS (
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::numeric[], $5::numeric[])
          AS g (id, account_id, symbol, quantity, cost)
      ), transfer AS (
        INSERT INTO portfolio.transfers (id, account_id, symbol, quantity, note, cost)
        SELECT id, account_id, symbol, quantity, $6::text, cost FROM given
      )
      INSERT INTO portfolio.positions AS p (account_id, symbol, quantity, cost)
      SELECT account_id, symbol, quantity, cost FROM given
      ON CONFLICT (account_id, symbol)
      DO UPDATE SET quantity = p.quantity + EXCLUDED.quantity, cost = p.cost + EXCLUDED.cost`,
    values: [
      transfers.map((transfer) => transfer.id),
      transfers.map((transfer) => transfer.accountId),
      transfers.map((transfer) => transfer.symbol),
      transfers.map((transfer) => transfer.quantity),
      transfers.map((transfer) => transfer.cost),
      note,
    ],
  });
}
