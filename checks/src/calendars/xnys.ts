/**
 * Markets as data, for gates that ask when one is open. The service has a copy of its own, because neither may import the
 * other; a test (tools/calendars.test.ts) holds them equal. The source is https://www.nyse.com/trade/hours-calendars: a year is
 * added when the exchange has published it, holidays, early closes and `lastDay` together.
 */

/** A market with a daily session. Days are ISO dates, times are wall-clock times in `timeZone`. */
export interface SessionCalendar {
  readonly timeZone: string;
  readonly opens: string;
  readonly closes: string;
  readonly earlyCloses: Readonly<Record<string, string>>;
  readonly holidays: Readonly<Record<string, string>>;
  /** The first and the last day that the data speaks of. Outside of them nothing is known. */
  readonly firstDay: string;
  readonly lastDay: string;
}

export const XNYS: SessionCalendar = {
  timeZone: 'America/New_York',
  opens: '09:30',
  closes: '16:00',
  firstDay: '2025-01-01',
  lastDay: '2028-12-31',
  holidays: {
    '2025-01-01': "New Year's Day",
    '2025-01-09': 'National day of mourning for President Carter',
    '2025-01-20': 'Martin Luther King, Jr. Day',
    '2025-02-17': "Washington's Birthday",
    '2025-04-18': 'Good Friday',
    '2025-05-26': 'Memorial Day',
    '2025-06-19': 'Juneteenth',
    '2025-07-04': 'Independence Day',
    '2025-09-01': 'Labor Day',
    '2025-11-27': 'Thanksgiving Day',
    '2025-12-25': 'Christmas Day',

    '2026-01-01': "New Year's Day",
    '2026-01-19': 'Martin Luther King, Jr. Day',
    '2026-02-16': "Washington's Birthday",
    '2026-04-03': 'Good Friday',
    '2026-05-25': 'Memorial Day',
    '2026-06-19': 'Juneteenth',
    '2026-07-03': 'Independence Day (observed)',
    '2026-09-07': 'Labor Day',
    '2026-11-26': 'Thanksgiving Day',
    '2026-12-25': 'Christmas Day',

    '2027-01-01': "New Year's Day",
    '2027-01-18': 'Martin Luther King, Jr. Day',
    '2027-02-15': "Washington's Birthday",
    '2027-03-26': 'Good Friday',
    '2027-05-31': 'Memorial Day',
    '2027-06-18': 'Juneteenth (observed)',
    '2027-07-05': 'Independence Day (observed)',
    '2027-09-06': 'Labor Day',
    '2027-11-25': 'Thanksgiving Day',
    '2027-12-24': 'Christmas Day (observed)',

    // New Year's Day 2028 is a Saturday. The Friday before ends an accounting year, so the exchange is open on it.
    '2028-01-17': 'Martin Luther King, Jr. Day',
    '2028-02-21': "Washington's Birthday",
    '2028-04-14': 'Good Friday',
    '2028-05-29': 'Memorial Day',
    '2028-06-19': 'Juneteenth',
    '2028-07-04': 'Independence Day',
    '2028-09-04': 'Labor Day',
    '2028-11-23': 'Thanksgiving Day',
    '2028-12-25': 'Christmas Day',
  },
  earlyCloses: {
    '2025-07-03': '13:00',
    '2025-11-28': '13:00',
    '2025-12-24': '13:00',
    '2026-11-27': '13:00',
    '2026-12-24': '13:00',
    '2027-11-26': '13:00',
    '2028-07-03': '13:00',
    '2028-11-24': '13:00',
  },
};
