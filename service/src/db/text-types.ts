import pg from 'pg';

/** Type ids of PostgreSQL: date, timestamp, timestamptz. NUMERIC and int8 already arrive as text. */
const DATE = 1082;
const TIMESTAMP = 1114;
const TIMESTAMPTZ = 1184;

const UTC_TEXT = /^(\d{4,}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/;

/**
 * RFC 3339 in UTC with all six decimals, so that texts sort as times do. The library's own parser makes a Date, which
 * loses microseconds, and with them the order of a cursor.
 *
 * @throws RangeError when the session is not in UTC: the pool sets it.
 */
export function utcTimestamp(text: string): string {
  const [, date, time, fraction = ''] = UTC_TEXT.exec(text) ?? [];
  if (date === undefined || time === undefined) {
    throw new RangeError(`not a timestamp in UTC: ${text}`);
  }
  return `${date}T${time}.${fraction.padEnd(6, '0')}Z`;
}

const asText = (text: string): string => text;

/** Parsers for a pool: times as text, everything else as pg does it. */
export const textTypes: pg.CustomTypesConfig = {
  getTypeParser: ((id: number, format?: 'text' | 'binary') => {
    if (id === TIMESTAMPTZ) {
      return utcTimestamp;
    }
    if (id === DATE || id === TIMESTAMP) {
      return asText;
    }
    return format === 'binary' ? pg.types.getTypeParser(id, 'binary') : pg.types.getTypeParser(id, 'text');
  }) as typeof pg.types.getTypeParser,
};
