import { type DatabasePool, withConnection } from '../db/pool.ts';
import { findPortfolio, type Portfolio } from '../db/portfolio.ts';
import { OrderServiceError } from '../domain/errors.ts';

/**
 * Cash, reservations and positions of the account, all of one moment.
 *
 * @throws OrderServiceError `account_missing`.
 */
export async function getPortfolio(pool: DatabasePool, accountId: string): Promise<Portfolio> {
  const portfolio = await withConnection(pool, (tx) => findPortfolio(tx, accountId));
  if (portfolio === undefined) {
    throw new OrderServiceError('account_missing');
  }
  return portfolio;
}
