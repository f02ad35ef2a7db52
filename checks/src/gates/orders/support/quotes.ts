import { type Config, partOf } from '../../../config.ts';
import { withDatabase } from '../../../io/database.ts';
import type { Undo } from '../../../sandbox/sandbox.ts';

/** A quote as decimal strings. */
export interface Quote {
  bid: string;
  ask: string;
}

/** Where a quote is set. */
export interface QuotesFrom {
  config: Pick<Config, 'quotes'>;
  target: { databaseUrl: string };
}

/** Sets the configured quote, as of so many seconds ago. @throws when there is no such quote. */
export async function setQuote({ config, target }: QuotesFrom, quote: Quote, ageSeconds = 0): Promise<void> {
  const { table, bid, ask, asOf, of } = partOf(config, 'quotes');
  const sql = `UPDATE ${table} SET ${bid} = $1::numeric, ${ask} = $2::numeric, ${asOf} = now() - $3::float8 * interval '1 s'
    WHERE ${of} RETURNING 1`;
  const rows = await withDatabase(target.databaseUrl, (database) =>
    database.query(sql, [quote.bid, quote.ask, ageSeconds]),
  );
  if (rows.length === 0) throw new Error(`${table} has no row where ${of}`);
}

/** Leaves the quote as the sandbox has it, whatever happened. */
export async function withQuotes<T>(from: QuotesFrom, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await setQuote(from, partOf(from.config, 'quotes').usual);
  }
}

/** From now on what is stored is not what was told: `become` is what a trigger makes of the new row. */
export async function falsifyQuotes(config: Config, databaseUrl: string, become: string): Promise<Undo> {
  const { table, usual } = partOf(config, 'quotes');
  await withDatabase(databaseUrl, async (database) => {
    await database.query(`CREATE FUNCTION public.preflight_falsify() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN ${become} RETURN NEW; END $$`);
    await database.query(`CREATE TRIGGER preflight_falsify BEFORE UPDATE ON ${table} FOR EACH ROW
      EXECUTE FUNCTION public.preflight_falsify()`);
  });
  return async () => {
    await withDatabase(databaseUrl, (database) => database.query('DROP FUNCTION public.preflight_falsify() CASCADE'));
    await setQuote({ config, target: { databaseUrl } }, usual);
  };
}
