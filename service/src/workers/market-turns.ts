import type { CalendarClosures } from '../domain/processing-schedule.ts';
import { marketsAt, turnOf } from '../domain/processing-schedule.ts';

/** How long closures are believed before they are read again: a market that is closed by hand is closed within it. */
const CALENDARS_MAX_AGE_MS = 10_000;

export interface MarketTurnsOptions {
  readonly readCalendars: () => Promise<readonly CalendarClosures[]>;
  readonly now: () => Temporal.Instant;
}

/** What a worker's step is to fill. */
export interface MarketTurns {
  /**
   * The calendars that are open, and those of them whose turn it is: always those that never close, and the others once in each of their turns.
   * Throws what the reading throws: without calendars nobody knows what is open, and nothing is filled.
   */
  due(): Promise<{ readonly openCalendars: readonly string[]; readonly dueCalendars: readonly string[] }>;
  /** Notes that what `due` named last was done. A step that failed has its turn again. */
  done(): void;
}

export function createMarketTurns(options: MarketTurnsOptions): MarketTurns {
  let known: { readonly calendars: readonly CalendarClosures[]; readonly atMs: number } | undefined;
  let taken: ReadonlyMap<string, string | null> = new Map();
  let offered: ReadonlyMap<string, string | null> = new Map();
  const calendarsAt = async (nowMs: number): Promise<readonly CalendarClosures[]> => {
    if (known === undefined || Math.abs(nowMs - known.atMs) > CALENDARS_MAX_AGE_MS) {
      known = { calendars: await options.readCalendars(), atMs: nowMs };
    }
    return known.calendars;
  };
  return {
    due: async () => {
      const now = options.now();
      const open = marketsAt(now, await calendarsAt(now.epochMilliseconds)).filter((market) => market.open);
      const turns = open.map((market) => [market.calendar, turnOf(market, now)] as const);
      offered = new Map(turns.filter(([calendar, turn]) => turn === null || taken.get(calendar) !== turn));
      return { openCalendars: open.map(({ calendar }) => calendar), dueCalendars: [...offered.keys()] };
    },
    done: () => {
      taken = new Map([...taken, ...offered]);
    },
  };
}
