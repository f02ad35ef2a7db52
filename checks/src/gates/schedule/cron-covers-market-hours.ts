import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { callsIn, type Gap, idleGaps, type Session, sessionGaps } from './coverage.ts';
import { type CronExpression, minutesOf, parseCron } from './cron-expression.ts';
import { readSchedule, type Schedule, type ScheduleKind } from './cron-files.ts';

interface Facts {
  /** The first day that is expanded, as an ISO date in UTC, and how many: more than a year, so that both changes of the clock are in it. */
  from: string;
  days: number;
  session: Session;
  everyMinutes: number;
  otherwiseEveryMinutes: number;
  schedules: Schedule[];
}

const days = 400;
/** https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule */
const githubStartsEveryMinutes = 5;
/** More findings of one kind than this say nothing new. */
const gapsShown = 3;

export default defineGate<Facts>({
  id: 'schedule/cron-covers-market-hours',
  severity: 'blocker',
  profile: 'static',
  needs: ['config:schedule'],
  files: ({ schedule }) => (schedule?.files ?? []).map(({ path }) => path),
  covers: [
    'schedule.cron.server',
    'schedule.cron.vercel',
    'schedule.cron.github',
    'schedule.market-hours',
    'schedule.every-three-minutes',
    'schedule.clean-up',
    'schedule.daylight-saving',
  ],
  unit: 'cron expressions',
  why: 'A schedule in the wrong zone loses half of every session, and one that is right in summer loses an hour each day of winter: nobody sees it until an order is not filled.',
  fix: 'Write the hours in UTC and wide enough for both sides of a change of the clock, and let the service ask its calendar what is open.',
  source: 'https://man7.org/linux/man-pages/man5/crontab.5.html',

  async observe({ config, tree }) {
    const { files, calls, session, everyMinutes, otherwiseEveryMinutes } = partOf(config, 'schedule');
    const schedules = await Promise.all(
      files.map(async ({ path, kind }) => readSchedule(kind, path, await tree.read(path), calls)),
    );
    return {
      examined: schedules.reduce((sum, { entries }) => sum + entries.length, 0),
      facts: {
        from: Temporal.Now.plainDateISO('UTC').toString(),
        ...{ days, session, everyMinutes, otherwiseEveryMinutes, schedules },
      },
    };
  },

  judge: (facts) => facts.schedules.flatMap((schedule) => judgeSchedule(schedule, facts)),

  samples: {
    good: [
      facts('crontab', ['*/3 13-20 * * 1-5', '*/30 0-12,21-23 * * 1-5', '*/30 * * * 0,6']),
      facts('vercel', ['*/3 * * * *']),
      facts('github', ['*/30 * * * *'], { calls: { perStart: 10, minutesBetween: 3 } }),
    ],
    bad: [
      // The line of the old checklist, alone and with the cleaning up that it lacks.
      facts('crontab', ['*/3 9-16 * * 1-5']),
      facts('crontab', ['*/3 9-16 * * 1-5', '*/30 * * * *']),
      // Right in summer, and right in winter.
      facts('crontab', ['*/3 13-19 * * 1-5', '*/30 * * * *']),
      facts('crontab', ['*/3 14-20 * * 1-5', '*/30 * * * *']),
      facts('crontab', ['*/5 13-20 * * 1-5', '*/30 * * * *']),
      facts('crontab', ['*/3 13-20 * * 1-5']),
      facts('crontab', ['*/3 * * * *'], { zones: [{ zone: 'America/New_York', line: 1 }] }),
      facts('crontab', ['*/3 25 * * *']),
      facts('crontab', []),
      facts('github', ['*/3 * * * *']),
      facts('github', ['*/30 * * * *']),
      { ...facts('vercel', []), schedules: [{ ...schedule('vercel', []), broken: { line: 1, message: 'no JSON' } }] },
    ],
  },

  /** The line of the old checklist, in place of every expression of the first file. */
  async sabotage({ scratch, config }) {
    const { files, calls } = partOf(config, 'schedule');
    const [file] = files;
    if (file === undefined) throw new Error('preflight.config.ts names no file with a schedule');
    await scratch.write(file.path, planted[file.kind](calls));
    return undefined;
  },
});

const oldLine = '*/3 9-16 * * 1-5';
const planted: Record<ScheduleKind, (calls: string) => string> = {
  crontab: (calls) => `${oldLine} curl -X POST https://orders.example/${calls}\n`,
  vercel: (calls) => JSON.stringify({ crons: [{ path: `/${calls}`, schedule: oldLine }] }),
  github: (calls) =>
    `on: { schedule: [{ cron: "${oldLine}" }] }\njobs: { planted: { steps: [{ run: curl ${calls} }] } }\n`,
};

function judgeSchedule(schedule: Schedule, facts: Facts): Finding[] {
  const { file, broken, zones } = schedule;
  if (broken) return [{ file, line: broken.line, message: `cannot be read as a schedule: ${broken.message}` }];
  const parsed = schedule.entries.map((entry) => ({ ...entry, ...tryParse(entry.expression) }));
  const faults = parsed.flatMap(({ expression, line, fault }) =>
    fault === undefined ? [] : [{ file, line, message: `${expression} is no cron expression: ${fault}` }],
  );
  const elsewhere = zones.map(({ zone, line }) => ({
    file,
    line,
    message: `hours are in ${zone}, whose clock moves twice a year`,
    fix: "Take the zone away, write UTC, and set the server's zone to UTC: Debian's cron ignores CRON_TZ.",
  }));
  const crons = parsed.flatMap(({ cron }) => (cron === undefined ? [] : [cron]));
  // A gap beside an expression that nobody could read would be a second finding for one fault.
  if (faults.length + elsewhere.length > 0) return [...faults, ...elsewhere];
  return [...judgeStarts(schedule, crons), ...judgeCoverage(schedule, crons, facts)];
}

function tryParse(expression: string): { cron?: CronExpression; fault?: string } {
  try {
    return { cron: parseCron(expression) };
  } catch (error) {
    return { fault: (error as Error).message };
  }
}

function judgeStarts({ file, kind, entries }: Schedule, crons: readonly CronExpression[]): Finding[] {
  if (kind !== 'github') return [];
  const minutes = [...new Set(crons.flatMap(minutesOf))].sort((left, right) => left - right);
  const close = minutes.some((minute, index) => minute - (minutes[index - 1] ?? -Infinity) < githubStartsEveryMinutes);
  if (!close) return [];
  return [
    {
      file,
      line: entries[0]?.line ?? 1,
      message: `asks for a start more often than every ${githubStartsEveryMinutes} minutes, which GitHub does not do`,
      fix: 'Start every half hour, and call several times in each run: CALLS_PER_RUN and MINUTES_BETWEEN_CALLS in its env.',
    },
  ];
}

function judgeCoverage(schedule: Schedule, crons: readonly CronExpression[], facts: Facts): Finding[] {
  const { file, entries } = schedule;
  const { session, everyMinutes, otherwiseEveryMinutes } = facts;
  const called = callsIn(crons, schedule.calls, facts.from, facts.days);
  const line = entries[0]?.line ?? 1;
  const inSession = sessionGaps(called, facts.from, session, everyMinutes);
  if (inSession.length > 0) {
    const hours = `${session.opens}–${session.closes} ${session.timeZone}`;
    const message = `no call every ${everyMinutes} minutes in the session (${hours}): ${tell(inSession)}`;
    return [{ file, line, message, identity: `session of ${file}` }];
  }
  const idle = idleGaps(called, facts.from, otherwiseEveryMinutes);
  if (idle.length === 0) return [];
  const message = `no call for more than ${otherwiseEveryMinutes} minutes, so that nothing ends what is over: ${tell(idle)}`;
  const fix = `Add */${otherwiseEveryMinutes} for the hours and days outside of the session.`;
  return [{ file, line, message, identity: `clean-up of ${file}`, fix }];
}

function tell(gaps: readonly Gap[]): string {
  const shown = gaps.slice(0, gapsShown).map(({ from, length }) => `${from} for ${length} min`);
  const rest = gaps.length - shown.length;
  return shown.join(', ') + (rest > 0 ? `, and ${rest} times more` : '');
}

function facts(kind: ScheduleKind, expressions: readonly string[], change: Partial<Schedule> = {}): Facts {
  return {
    from: '2026-11-20',
    days,
    session: { timeZone: 'America/New_York', opens: '09:30', closes: '16:00' },
    everyMinutes: 3,
    otherwiseEveryMinutes: 30,
    schedules: [{ ...schedule(kind, expressions), ...change }],
  };
}

function schedule(kind: ScheduleKind, expressions: readonly string[]): Schedule {
  const entries = expressions.map((expression, index) => ({ expression, line: index + 1 }));
  return { file: kind, kind, entries, calls: { perStart: 1, minutesBetween: 0 }, zones: [] };
}
