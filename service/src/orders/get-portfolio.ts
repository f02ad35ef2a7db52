import { type DatabasePool, withConnection } from '../db/pool.ts';
import { findPortfolio, type HeldPosition } from '../db/portfolio.ts';
import { OrderServiceError } from '../domain/errors.ts';
import { subtract } from '../domain/money.ts';
import { costOfNewest, type PnlMethod, totalOf, type Valuation, valueHolding } from '../domain/pnl.ts';

/** What an account holds of one symbol; decimal strings. Unknown figures are null, and `reason` says why. */
export interface Position extends Valuation {
  readonly symbol: string;
  readonly quantity: string;
  readonly reserved: string;
}

/** Cash that is free, cash that resting BUY orders hold, positions, and profit over all; decimal strings. */
export interface Portfolio {
  readonly cash: string;
  readonly reserved: string;
  /** Over everything ever traded, what is sold out included; null when a part is unknown. */
  readonly realised: string | null;
  readonly unrealised: string | null;
  readonly pnlMethod: PnlMethod;
  readonly positions: readonly Position[];
}

/** How positions are valued. */
export interface ValuationOptions {
  readonly pnlMethod: PnlMethod;
  /** The oldest price that values anything, in milliseconds. */
  readonly quoteMaxAgeMs: number;
}

/** As the configuration has it when nothing is set. */
const DEFAULTS: ValuationOptions = { pnlMethod: 'average', quoteMaxAgeMs: 15_000 };

/**
 * Cash, reservations, positions and profit of the account, all of one moment.
 *
 * @throws OrderServiceError `account_missing`.
 */
export async function getPortfolio(pool: DatabasePool, accountId: string, options = DEFAULTS): Promise<Portfolio> {
  const held = await withConnection(pool, (tx) => findPortfolio(tx, accountId, options.pnlMethod));
  if (held === undefined) {
    throw new OrderServiceError('account_missing');
  }
  const positions = held.positions.map((position) => value(position, options.quoteMaxAgeMs));
  const realisedBefore = subtract('0', held.closedInvested);
  return {
    cash: held.cash,
    reserved: held.reserved,
    realised: totalOf([realisedBefore, ...positions.map(({ realised }) => realised)]),
    unrealised: totalOf(positions.map(({ unrealised }) => unrealised)),
    pnlMethod: options.pnlMethod,
    positions,
  };
}

function value(held: HeldPosition, quoteMaxAgeMs: number): Position {
  const { symbol, quantity, reserved, invested, lots, bid, priceAgeMs, agreed } = held;
  const cost = lots === null ? held.averageCost : costOfNewest(lots, quantity);
  const mark = bid === null || priceAgeMs === null ? null : { bid, ageMs: priceAgeMs, agreed };
  return { symbol, quantity, reserved, ...valueHolding({ quantity, cost, invested }, mark, quoteMaxAgeMs) };
}
