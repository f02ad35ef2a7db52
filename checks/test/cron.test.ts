import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callsIn, idleGaps, sessionGaps } from '../src/gates/schedule/coverage.ts';
import gate from '../src/gates/schedule/cron-covers-market-hours.ts';
import { firesOn, minutesOf, parseCron } from '../src/gates/schedule/cron-expression.ts';
import { readSchedule } from '../src/gates/schedule/cron-files.ts';

const session = { timeZone: 'America/New_York', opens: '09:30', closes: '16:00' };
const once = { perStart: 1, minutesBetween: 0 };

/** Every minute of a stretch in which the expression fires, as UTC text. */
function firings(expression: string, from: string, days: number): string[] {
  const called = callsIn([parseCron(expression)], once, from, days);
  const start = Temporal.Instant.from(`${from}T00:00Z`);
  return [...called.keys()]
    .filter((minute) => called[minute] === 1)
    .map((minute) => start.add({ minutes: minute }).toString({ smallestUnit: 'minute' }));
}

describe('an expression', () => {
  test.each([
    ['0 0 * * *', ['2026-11-20T00:00Z', '2026-11-21T00:00Z', '2026-11-22T00:00Z']],
    ['*/30 13 20 11 *', ['2026-11-20T13:00Z', '2026-11-20T13:30Z']],
    ['50-59/3 23 * * fri', ['2026-11-20T23:50Z', '2026-11-20T23:53Z', '2026-11-20T23:56Z', '2026-11-20T23:59Z']],
    ['0 12 * NOV 7', ['2026-11-22T12:00Z']],
    ['0 12 * * 0', ['2026-11-22T12:00Z']],
    ['55/2 6 21 * *', ['2026-11-21T06:55Z', '2026-11-21T06:57Z', '2026-11-21T06:59Z']],
    // Both kinds of day: either is enough.
    ['0 1 22 * 5', ['2026-11-20T01:00Z', '2026-11-22T01:00Z']],
    // One of them begins with a star: both must hold.
    ['0 1 */2 * 6', ['2026-11-21T01:00Z']],
    ['0 1 31 2 *', []],
  ])('%s', (expression, expected) => {
    expect(firings(expression, '2026-11-20', 3)).toEqual(expected);
  });

  test.each([
    ['* * * *', '4 fields'],
    ['* * * * * *', '6 fields'],
    ['', '1 fields'],
    ['60 * * * *', '"60" is no minute'],
    ['*/0 * * * *', '"*/0" is no minute'],
    ['5-1 * * * *', '"5-1" is no minute'],
    ['1-2-3 * * * *', '"1-2-3" is no minute'],
    ['1,,2 * * * *', 'is no minute'],
    ['* 24 * * *', '"24" is no hour'],
    ['* * 0 * *', '"0" is no day of month'],
    ['* * * 13 *', '"13" is no month'],
    ['* * * * mon-8', '"8" is no day of week'],
    ['* * L * *', '"L" is no day of month'],
    ['-1 * * * *', 'is no minute'],
  ])('%j is refused: %s', (expression, why) => {
    expect(() => parseCron(expression)).toThrow(why);
  });

  test('agrees with asking each minute by itself', () => {
    const number = (min: number, max: number) => fc.integer({ min, max }).map(String);
    const field = (min: number, max: number) =>
      fc.oneof(
        fc.constant('*'),
        number(min, max),
        fc.tuple(number(min, max), number(1, 9)).map(([from, step]) => `${from}-${max}/${step}`),
        number(1, 9).map((step) => `*/${step}`),
      );
    const fields = fc.tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6));
    const matches = (text: string, value: number, min: number): boolean => {
      const [range = '', step = '1'] = text.split('/');
      if (range === '*') return (value - min) % Number(step) === 0;
      const [from = '', to = from] = range.split('-');
      return value >= Number(from) && value <= Number(to) && (value - Number(from)) % Number(step) === 0;
    };
    fc.assert(
      fc.property(fields, fc.integer({ min: 0, max: 1_000_000 }), ([minute, hour, day, month, weekday], at) => {
        const cron = parseCron([minute, hour, day, month, weekday].join(' '));
        const when = Temporal.PlainDateTime.from('2026-01-01T00:00').add({ minutes: at });
        const days = [matches(day, when.day, 1), matches(weekday, when.dayOfWeek % 7, 0)];
        const dayMatches = day.startsWith('*') || weekday.startsWith('*') ? days.every(Boolean) : days.some(Boolean);
        const expected =
          matches(minute, when.minute, 0) && matches(hour, when.hour, 0) && matches(month, when.month, 1) && dayMatches;
        const fires = firesOn(cron, when.toPlainDate()) && minutesOf(cron).includes(when.hour * 60 + when.minute);
        expect(fires).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the session', () => {
  const gaps = (expression: string, from: string, days: number) =>
    sessionGaps(callsIn([parseCron(expression)], once, from, days), from, session, 3);

  test('is asked for on both sides of each change of the clock, and at weekends not', () => {
    // 6 to 9 March 2026: Friday in winter, Monday in summer.
    expect(gaps('*/3 14-20 * * *', '2026-03-06', 4)).toEqual([{ from: '2026-03-09T13:30Z', length: 30 }]);
    expect(gaps('*/3 13-19 * * *', '2026-03-06', 4)).toEqual([{ from: '2026-03-06T20:00Z', length: 60 }]);
    // 30 October to 2 November 2026: back again.
    expect(gaps('*/3 14-20 * * *', '2026-10-30', 4)).toEqual([{ from: '2026-10-30T13:30Z', length: 30 }]);
    expect(gaps('*/3 13-19 * * *', '2026-10-30', 4)).toEqual([{ from: '2026-11-02T20:00Z', length: 60 }]);
    expect(gaps('*/3 13-20 * * *', '2026-01-01', 730)).toEqual([]);
  });

  test('of the old checklist loses the afternoon', () => {
    expect(gaps('*/3 9-16 * * 1-5', '2026-11-20', 1)).toEqual([{ from: '2026-11-20T17:00Z', length: 240 }]);
    expect(gaps('*/3 9-16 * * 1-5', '2026-06-22', 1)).toEqual([{ from: '2026-06-22T17:00Z', length: 180 }]);
  });

  test('misses a single slot', () => {
    expect(gaps('0-29/3,33-59/3 * * * *', '2026-11-20', 1)).toEqual(
      [14, 15, 16, 17, 18, 19, 20].map((hour) => ({ from: `2026-11-20T${hour}:30Z`, length: 3 })),
    );
  });
});

test('calls of one start go on past midnight, and the day before reaches into the first', () => {
  const called = callsIn([parseCron('50 23 * * *')], { perStart: 5, minutesBetween: 5 }, '2026-11-20', 1);
  expect([...called.keys()].filter((minute) => called[minute] === 1)).toEqual([0, 5, 10, 1430, 1435]);
  expect(idleGaps(called, '2026-11-20', 30)).toEqual([{ from: '2026-11-20T00:11Z', length: 1419 }]);
});

describe('a file', () => {
  test('crontab: only lines that call, shorthands, zones, no comments and no variables', () => {
    const text = [
      '# */3 9-16 * * 1-5 curl process-orders',
      'CRON_TZ = "America/New_York"',
      'TZ=UTC',
      'NOTE=process-orders',
      '',
      '  */3 13-20 * * 1-5   curl --config process-orders.curl',
      '0 3 * * * backup',
      '@hourly curl process-orders',
      '@reboot curl process-orders',
    ].join('\n');
    expect(readSchedule('crontab', 'cron', text, 'process-orders')).toEqual({
      file: 'cron',
      kind: 'crontab',
      entries: [
        { expression: '*/3 13-20 * * 1-5', line: 6 },
        { expression: '0 * * * *', line: 8 },
      ],
      calls: once,
      zones: [{ zone: 'America/New_York', line: 2 }],
    });
  });

  test('vercel.json: each cron of the path, with its own line', () => {
    const text = `{ "crons": [
      { "path": "/api/process-orders", "schedule": "0 1 * * *" },
      { "path": "/other", "schedule": "0 2 * * *" },
      { "path": "/api/process-orders", "schedule": "0 3 * * *" }
    ] }`;
    expect(readSchedule('vercel', 'v', text, 'process-orders').entries).toEqual([
      { expression: '0 1 * * *', line: 2 },
      { expression: '0 3 * * *', line: 4 },
    ]);
  });

  test('workflow: schedules, the calls of one run, and a zone', () => {
    const text = `on:
  schedule:
    - cron: "*/30 * * * *"
    - cron: "5 1 * * *"
      timezone: Europe/Berlin
jobs:
  process-orders:
    env: { CALLS_PER_RUN: "10" }
    steps: [{ run: call, env: { MINUTES_BETWEEN_CALLS: 3 } }]
`;
    expect(readSchedule('github', 'w', text, 'process-orders')).toEqual({
      file: 'w',
      kind: 'github',
      entries: [
        { expression: '*/30 * * * *', line: 3 },
        { expression: '5 1 * * *', line: 4 },
      ],
      calls: { perStart: 10, minutesBetween: 3 },
      zones: [{ zone: 'Europe/Berlin', line: 4 }],
    });
  });

  test.each([
    ['vercel', '{'],
    ['vercel', '{"crons": [{"path": 1}]}'],
    ['github', 'on: ['],
    ['github', 'jobs: none # process-orders'],
  ] as const)('%s that is none is broken, not empty: %s', (kind, text) => {
    const { broken, entries } = readSchedule(kind, 'f', text, 'process-orders');
    expect(entries).toEqual([]);
    expect(broken?.message).not.toBe('');
    expect(broken).toBeDefined();
  });
});

test('the finding names the file, the line and the hours that are lost', () => {
  const facts = structuredClone(gate.samples.bad[0]);
  if (facts === undefined) throw new Error('the gate has no bad sample');
  expect(gate.judge(facts)).toEqual([
    {
      file: 'crontab',
      line: 1,
      message:
        'no call every 3 minutes in the session (09:30–16:00 America/New_York): 2026-11-20T17:00Z for 240 min, ' +
        '2026-11-23T17:00Z for 240 min, 2026-11-24T17:00Z for 240 min, and 283 times more',
      identity: 'session of crontab',
    },
  ]);
});
