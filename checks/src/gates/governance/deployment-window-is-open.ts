import { type Session, sessionsAround } from '../../calendars/market.ts';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Interval, intervalsAround } from './support/weekly-windows.ts';

interface Facts {
  now: string;
  /** The planned windows of the days around now. */
  windows: Interval[];
  calendar: string;
  /** The market's sessions of the days around now. */
  sessions: Session[];
  /** Whether the calendar's data reaches these days, and how far it does. */
  known: boolean;
  lastDay: string;
  marginMinutes: number;
  freezes: { from: string; until: string; reason: string }[];
}

const dayMs = 86_400_000;
const minuteMs = 60_000;

const good: Facts = {
  now: '2026-06-16T22:00:00Z',
  windows: [{ from: '2026-06-16T21:00:00Z', until: '2026-06-17T01:00:00Z' }],
  calendar: 'XNYS',
  sessions: [{ opensAt: '2026-06-16T13:30:00Z', closesAt: '2026-06-16T20:00:00Z' }],
  ...{ known: true, lastDay: '2028-12-31', marginMinutes: 30 },
  freezes: [{ from: '2026-12-18', until: '2027-01-03', reason: 'the turn of the year' }],
};

export default defineGate<Facts>({
  id: 'governance/deployment-window-is-open',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:window'],
  covers: [
    ...['governance.maintenance-windows', 'governance.off-market-hours', 'governance.window-scheduled'],
    'governance.change-management',
  ],
  unit: 'planned windows and sessions',
  why: 'A release that goes wrong while the market is open costs money each minute, and is mended in a hurry.',
  fix: 'Release in a planned window. In an emergency: `preflight waive governance/deployment-window-is-open`, with who approves it.',
  source: 'https://sre.google/sre-book/release-engineering/',

  async observe({ config }) {
    const { calendar, marginMinutes, weekly, freezes } = partOf(config, 'window');
    const now = new Date();
    const windows = weekly.flatMap((window) => intervalsAround(window, now));
    const around = sessionsAround(calendar, now);
    const facts = { now: now.toISOString(), windows, calendar, marginMinutes, freezes, ...around };
    return { examined: windows.length + around.sessions.length, facts };
  },

  judge: (facts) => [...windowFaults(facts), ...sessionFaults(facts), ...freezeFaults(facts)],

  samples: {
    good: [good, { ...good, sessions: [] }],
    bad: [
      { ...good, windows: [] },
      { ...good, windows: [{ from: '2026-06-16T23:00:00Z', until: '2026-06-17T01:00:00Z' }] },
      { ...good, windows: [{ from: '2026-06-16T20:00:00Z', until: '2026-06-16T22:00:00Z' }] },
      { ...good, sessions: [{ opensAt: '2026-06-16T21:30:00Z', closesAt: '2026-06-16T23:00:00Z' }] },
      { ...good, sessions: [{ opensAt: '2026-06-16T22:29:00Z', closesAt: '2026-06-16T23:00:00Z' }] },
      { ...good, sessions: [{ opensAt: '2026-06-16T13:30:00Z', closesAt: '2026-06-16T21:31:00Z' }] },
      { ...good, known: false },
      { ...good, freezes: [{ from: '2026-06-10', until: '2026-06-16', reason: 'an audit' }] },
    ],
  },

  /** A window that is open on every day, in the copy alone, and a calendar that is at rest: what is proven must not depend on the hour. */
  async prepare(sandbox) {
    const before = sandbox.config.window;
    const daily = { from: '00:00', until: '24:00', timeZone: 'UTC' };
    const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
    sandbox.config.window = {
      calendar: 'none',
      marginMinutes: 0,
      weekly: [{ days: [...days], ...daily }],
      freezes: [],
    };
    return async () => {
      if (before) sandbox.config.window = before;
      else delete sandbox.config.window;
    };
  },

  async sabotage(sandbox) {
    const today = new Date().toISOString().slice(0, 10);
    const window = partOf(sandbox.config, 'window');
    window.freezes = [
      { from: today, until: new Date(Date.now() + dayMs).toISOString().slice(0, 10), reason: 'planted' },
    ];
    return undefined;
  },
});

function windowFaults({ now, windows }: Facts): Finding[] {
  const at = Date.parse(now);
  if (windows.some(({ from, until }) => Date.parse(from) <= at && at < Date.parse(until))) return [];
  const [next] = windows
    .filter(({ from }) => Date.parse(from) > at)
    .sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
  const then = next ? `the next begins at ${next.from}` : 'none begins within a week';
  return [{ message: `no planned window is open: ${then}`, identity: 'window' }];
}

/** The margin before the open and after the close belongs to the session. */
function sessionFaults({ now, calendar, sessions, known, lastDay, marginMinutes }: Facts): Finding[] {
  if (!known)
    return [
      {
        message: `the calendar of ${calendar} reaches to ${lastDay}: whether the market is open is not known`,
        identity: 'calendar',
        fix: 'Add the year that the exchange has published to the calendar.',
      },
    ];
  const at = Date.parse(now);
  const marginMs = marginMinutes * minuteMs;
  const session = sessions.find(
    ({ opensAt, closesAt }) => Date.parse(opensAt) - marginMs <= at && at < Date.parse(closesAt) + marginMs,
  );
  if (!session) return [];
  const hours = `its session is from ${session.opensAt} to ${session.closesAt}, with ${marginMinutes} minutes around it`;
  return [{ message: `${calendar} is open: ${hours}`, identity: 'session' }];
}

/** A freeze holds through the whole of its last day, in UTC. */
function freezeFaults({ now, freezes }: Facts): Finding[] {
  const at = Date.parse(now);
  return freezes
    .filter(({ from, until }) => Date.parse(from) <= at && at < Date.parse(until) + dayMs)
    .map(({ until, reason }) => ({ message: `frozen until ${until}: ${reason}`, identity: `freeze ${until}` }));
}
