import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

/** One expression of a file, and the line where it stands. */
export interface Entry {
  expression: string;
  line: number;
}

/** What a file says about when the endpoint is called. Plain data: the judge expands it. */
export interface Schedule {
  file: string;
  kind: ScheduleKind;
  entries: Entry[];
  /** One start makes this many calls, so many minutes apart. */
  calls: { perStart: number; minutesBetween: number };
  /** Time zones that the file sets, other than UTC. */
  zones: { zone: string; line: number }[];
  /** Why the file cannot be read; there are no entries then. */
  broken?: { line: number; message: string };
}

export const scheduleKinds = ['crontab', 'vercel', 'github'] as const;
export type ScheduleKind = (typeof scheduleKinds)[number];

const once = { perStart: 1, minutesBetween: 0 };
const utc = /^(UTC|Etc\/UTC|GMT|Z|Universal|Zulu)$/i;

/** Reads what calls the endpoint: lines, paths or workflows that name `marker`. Never throws. */
export function readSchedule(kind: ScheduleKind, file: string, text: string, marker: string): Schedule {
  const base: Schedule = { file, kind, entries: [], calls: once, zones: [] };
  if (kind === 'crontab') return { ...base, ...readCrontab(text, marker) };
  try {
    return { ...base, ...(kind === 'vercel' ? readVercel(text, marker) : readWorkflow(text, marker)) };
  } catch (error) {
    return { ...base, broken: { line: 1, message: (error as Error).message.split('\n')[0] ?? '' } };
  }
}

const shorthands: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

function readCrontab(text: string, marker: string): Pick<Schedule, 'entries' | 'zones'> {
  const entries: Entry[] = [];
  const zones: Schedule['zones'] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1;
    const active = raw.trim();
    if (active === '' || active.startsWith('#')) continue;
    const [, zone] = /^(?:CRON_)?TZ\s*=\s*["']?([^"'\s]*)/.exec(active) ?? [];
    if (zone !== undefined && !utc.test(zone)) zones.push({ zone, line });
    if (/^\w+\s*=/.test(active) || !active.includes(marker)) continue;
    const [, shorthand] = /^(@\w+)\s/.exec(active) ?? [];
    const expression = shorthand === undefined ? active.split(/\s+/).slice(0, 5).join(' ') : shorthands[shorthand];
    // @reboot calls when the machine starts, which no clock says.
    if (expression !== undefined) entries.push({ expression, line });
  }
  return { entries, zones };
}

const vercel = z.looseObject({
  crons: z.array(z.looseObject({ path: z.string(), schedule: z.string() })).default([]),
});

function readVercel(text: string, marker: string): Pick<Schedule, 'entries'> {
  const lines = text.split('\n');
  // The same schedule may stand twice: each is looked for after the one before it.
  let from = 0;
  const entries = vercel.parse(JSON.parse(text)).crons.map(({ path, schedule }) => {
    const found = lines.findIndex((line, index) => index >= from && line.includes(JSON.stringify(schedule)));
    from = found >= 0 ? found : from;
    return { path, entry: { expression: schedule, line: Math.max(found, 0) + 1 } };
  });
  return { entries: entries.filter(({ path }) => path.includes(marker)).map(({ entry }) => entry) };
}

const environment = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).nullish();
const workflow = z.looseObject({
  on: z.unknown(),
  env: environment,
  jobs: z.record(
    z.string(),
    z.looseObject({ env: environment, steps: z.array(z.looseObject({ env: environment })).optional() }),
  ),
});
const schedules = z.array(z.looseObject({ cron: z.string(), timezone: z.string().optional() }));

function readWorkflow(text: string, marker: string): Pick<Schedule, 'entries' | 'calls' | 'zones'> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const [error] = document.errors;
  if (error) throw error;
  if (!text.includes(marker)) return { entries: [], calls: once, zones: [] };
  const { on, env, jobs } = workflow.parse(document.toJS());
  const list = schedules.parse((on as { schedule?: unknown } | null)?.schedule ?? []);
  const lineOf = (index: number) => {
    const node = document.getIn(['on', 'schedule', index], true) as { range?: [number, number, number] } | undefined;
    return node?.range ? counter.linePos(node.range[0]).line : 1;
  };
  const variables = Object.values(jobs).flatMap((job) => [job.env, ...(job.steps ?? []).map((step) => step.env)]);
  const set = Object.assign({}, env, ...variables) as Record<string, unknown>;
  const number = (name: string, otherwise: number) => (set[name] === undefined ? otherwise : Number(set[name]));
  return {
    entries: list.map(({ cron }, index) => ({ expression: cron, line: lineOf(index) })),
    calls: { perStart: number('CALLS_PER_RUN', 1), minutesBetween: number('MINUTES_BETWEEN_CALLS', 0) },
    zones: list.flatMap(({ timezone }, index) =>
      timezone === undefined || utc.test(timezone) ? [] : [{ zone: timezone, line: lineOf(index) }],
    ),
  };
}
