import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import type { Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { type Executed, untilExecuted } from '../../io/executed-writes.ts';
import { strikeInTheMiddle } from '../../io/held-writes.ts';
import { send } from '../../io/http.ts';
import { scrape } from '../../sandbox/scrape.ts';
import type { StrikeRow } from './strike-row.ts';
import { executionsOf, type TimeTravel, writeOf } from './time-travel.ts';

/** What became of work while a clock was set back under it. */
export interface StepSeen {
  /** Whose clock. */
  clock: string;
  /** How far the database's clock moved against the machine's own, as its server told, and how far it was to move. */
  movedMs: number;
  toMoveMs: number;
  /** Orders that were accepted, and not executed, at that moment; and executions that were in their middle. */
  waiting: number;
  inTheMiddle: number;
  placed: number;
  refused: (number | null)[];
  /** Not executed exactly once. */
  wrong: Executed[];
  /** How often ages were looked at, and each that was below zero once: the lowest. */
  looks: number;
  negative: Record<string, number>;
  /** Work of one process alone that another had after it, or the same with another token. */
  leases: number;
  stolen: string[];
}

const stepMs = -5_000;
const everyMs = 100;
const lookEveryMs = 200;
const beforeMs = 1_500;
/** Until the time that was there twice is over, and a little more. */
const afterMs = 6_500;
const executedWithinMs = 10_000;

type Clocks = 'both clocks' | "the database's clock" | "the service's clock";
const all: readonly Clocks[] = ['both clocks', "the database's clock", "the service's clock"];

/** Sets both clocks back together, as on one machine, and then each of them alone. */
export async function stepClocks(context: Context, travel: TimeTravel): Promise<StepSeen[]> {
  const steps: StepSeen[] = [];
  for (const clock of all) {
    context.progress(`${clock} back by ${-stepMs / 1_000} s`);
    steps.push(await stepOnce(context, travel, clock));
  }
  return steps;
}

async function stepOnce(context: Context, travel: TimeTravel, clock: Clocks): Promise<StepSeen> {
  const { database, service } = travel.clocks;
  const { effectsIn } = partOf(context.config, 'processing');
  const { databaseUrl } = travel;
  const work = startWork(context, travel);
  const watch = watchAges(context, travel);
  try {
    await delay(beforeMs, undefined, { signal: context.signal });
    const leases = await leasesNow(context, travel);
    const held = { databaseUrl, table: effectsIn, count: 1, signal: context.signal };
    const struck = await strikeInTheMiddle(held, async (inTheMiddle) => {
      // New ones: what is older than the step has an age above zero after it too.
      await travel.quote();
      const before = await offsetNow(travel);
      if (clock !== "the service's clock") database.step(stepMs);
      if (clock !== "the database's clock") service.step(stepMs);
      const movedMs = (await offsetNow(travel)) - before;
      return { movedMs, inTheMiddle, waiting: await waitingOf(context, travel, work.ids) };
    });
    await delay(afterMs, undefined, { signal: context.signal });
    await Promise.all([work.stop(), watch.stop()]);
    const target = { ...travel.at(0), config: context.config };
    const wrong = await untilExecuted(target, work.ids, executedWithinMs);
    const toMoveMs = clock === "the service's clock" ? 0 : stepMs;
    return {
      ...{ clock, toMoveMs, ...struck, placed: work.ids.length, refused: work.refused, wrong },
      ...{ looks: watch.looks(), negative: { ...watch.negative, ...(await negativeDurations(context, travel)) } },
      ...{ leases: leases.length, stolen: await stolenOf(context, travel, leases) },
    };
  } finally {
    await Promise.all([work.stop(), watch.stop()]);
  }
}

/** Orders that are to be executed, one after another, by turns at each replica. */
function startWork({ config, signal }: Context, travel: TimeTravel) {
  const ids: string[] = [];
  const refused: (number | null)[] = [];
  let stopped = false;
  const ended = (async () => {
    for (let n = 0; !stopped && !signal.aborted; n += 1) {
      const { id, status } = await writeOf(travel.at(n), partOf(config, 'processing').work, n);
      if (id === null) refused.push(status);
      else ids.push(id);
      await delay(everyMs);
    }
  })();
  const stop = async () => {
    stopped = true;
    await ended;
  };
  return { ids, refused, stop };
}

/** Every age that a process exports or tells an owner, again and again; the lowest that was below zero is kept. */
function watchAges(context: Context, travel: TimeTravel) {
  const { config, signal, target } = context;
  const { ages } = partOf(config, 'clock');
  const { path, items, ageMs } = partOf(config, 'marketData').prices;
  const [key = ''] = target.credentials.writers;
  const negative: Record<string, number> = {};
  let [looks, stopped] = [0, false];
  const look = (name: string, seconds: number) => {
    looks += 1;
    if (seconds < 0) negative[name] = Math.min(seconds, negative[name] ?? 0);
  };
  const round = async () => {
    for (const replica of travel.replicas) {
      const samples = (await scrape(context, replica)).flatMap((family) => family.samples);
      for (const { name, value } of samples.filter((sample) => ages.includes(sample.name))) look(name, value);
      const { status, text } = await send(replica.url, { method: 'GET', path }, { key, signal });
      if (status !== 200) throw new Error(`${path} answered ${status}`);
      const listed = (JSON.parse(text) as Record<string, Record<string, unknown>[]>)[items] ?? [];
      for (const one of listed) {
        const age = one[ageMs];
        if (typeof age === 'number') look(`${ageMs} of ${path}`, age / 1_000);
      }
    }
  };
  const ended = (async () => {
    while (!stopped && !signal.aborted) {
      await round();
      await delay(lookEveryMs);
    }
  })();
  // Whoever stops it hears of its failure; until then nobody does.
  ended.catch(() => undefined);
  const stop = async () => {
    stopped = true;
    await ended;
  };
  return { looks: () => looks, negative, stop };
}

/** How far the database's clock is from the machine's own that is never set, in milliseconds. */
async function offsetNow({ databaseUrl }: TimeTravel): Promise<number> {
  return withDatabase(databaseUrl, async (database) => {
    const [row] = await database.query('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now');
    return Number(row?.now) - performance.now();
  });
}

async function waitingOf(context: Context, { databaseUrl }: TimeTravel, ids: readonly string[]): Promise<number> {
  const times = await executionsOf(context, databaseUrl, [...ids]);
  return [...times.values()].filter(({ length }) => length === 0).length;
}

interface LeaseRow {
  name: string;
  holder: string;
  token: string;
}

async function leasesNow({ config }: Context, { databaseUrl }: TimeTravel): Promise<LeaseRow[]> {
  const rows = await withDatabase(databaseUrl, (database) => database.query(partOf(config, 'clock').leases));
  return rows.map((row) => {
    const [name = '', holder = '', token = ''] = Object.values(row).map((value) => value ?? '');
    return { name, holder, token };
  });
}

async function stolenOf(context: Context, travel: TimeTravel, before: readonly LeaseRow[]): Promise<string[]> {
  const after = new Map((await leasesNow(context, travel)).map((row) => [row.name, row]));
  const isKept = ({ name, holder, token }: LeaseRow) =>
    after.get(name)?.holder === holder && after.get(name)?.token === token;
  return before.filter((row) => !isKept(row)).map(({ name }) => name);
}

async function negativeDurations({ config }: Context, { databaseUrl }: TimeTravel): Promise<Record<string, number>> {
  const negative: Record<string, number> = {};
  await withDatabase(databaseUrl, async (database) => {
    for (const { name, seconds } of partOf(config, 'clock').durations) {
      const [row] = await database.query(`SELECT min(seconds) AS least FROM (${seconds}) AS d (seconds)`);
      if (row?.least != null && Number(row.least) < 0) negative[name] = Number(row.least);
    }
  });
  return negative;
}

/** Beside what the server and the way to it take. */
const movedWithinMs = 1_000;

export function findingsOfStep(seen: StepSeen): Finding[] {
  const { clock, movedMs, toMoveMs, refused, wrong, looks, negative, leases, stolen } = seen;
  const found: (Finding & { when: boolean })[] = [
    {
      when: Math.abs(movedMs - toMoveMs) > movedWithinMs,
      message: `setting ${clock} back missed: the database's moved by ${Math.round(movedMs)} ms, and ${toMoveMs} ms was meant`,
      identity: 'missed',
      fix: 'Mend the drill or what it strikes: a fault that nobody notices proves nothing.',
    },
    {
      when: refused.length > 0,
      message: `${refused.length} orders were not taken with ${clock} set back: ${refused.map((status) => status ?? 'no answer').join(', ')}`,
      identity: 'refused',
    },
    {
      when: looks === 0 || leases === 0,
      message: `${looks} ages and ${leases} leases were there to be looked at with ${clock} set back`,
      identity: 'nothing seen',
      fix: 'Name ages and leases that are there (`clock` in preflight.config.ts).',
    },
    {
      when: stolen.length > 0,
      message: `work that one process does alone changed hands with ${clock} set back: ${stolen.join(', ')}`,
      identity: 'leases',
      fix: 'Let one clock decide of a lease, in the statement that takes it.',
    },
  ];
  const of = (identity = '') => `${clock}: ${identity}`;
  return [
    ...found
      .filter(({ when }) => when)
      .map(({ when: _, ...finding }) => ({ ...finding, identity: of(finding.identity) })),
    ...wrong.map(({ id, times }) => ({
      message: `order ${id} was executed ${times} times with ${clock} set back`,
      identity: of(times === 0 ? 'never executed' : 'executed twice'),
      fix: 'Let the state of an order decide whether it is executed, and never its times.',
    })),
    ...Object.entries(negative).map(([name, seconds]) => ({
      message: `${name} was ${seconds.toFixed(3)} s with ${clock} set back`,
      identity: of(name),
      fix: 'Take durations by a monotonic clock, and keep an age that two times tell from falling below zero.',
    })),
  ];
}

export function rowOfStep({
  clock,
  movedMs,
  waiting,
  inTheMiddle,
  placed,
  wrong,
  looks,
  negative,
  leases,
  stolen,
}: StepSeen): StrikeRow {
  return {
    fault: `${clock} set back by ${-stepMs / 1_000} s`,
    proof: `the database's moved by ${Math.round(movedMs)} ms, ${inTheMiddle} executions in their middle, ${waiting} orders waiting`,
    bound: '0 not exactly once, 0 ages below zero, 0 leases lost',
    observed: `${wrong.length} of ${placed} not exactly once, ${Object.keys(negative).length} of ${looks} ages below zero, ${stolen.length} of ${leases} leases lost`,
  };
}

export function stepSample(change: Partial<StepSeen> = {}): StepSeen {
  return {
    ...{ clock: 'both clocks', movedMs: -4_990, toMoveMs: -5_000, waiting: 3, inTheMiddle: 1, placed: 60, refused: [] },
    ...{ wrong: [], looks: 400, negative: {}, leases: 1, stolen: [], ...change },
  };
}

export const badSteps: readonly StepSeen[] = [
  stepSample({ movedMs: 2 }),
  stepSample({ refused: [503, null] }),
  stepSample({ wrong: [{ id: '1', times: 2 }] }),
  stepSample({ wrong: [{ id: '1', times: 0 }] }),
  stepSample({ looks: 0 }),
  stepSample({ leases: 0 }),
  stepSample({ negative: { worker_heartbeat_age_seconds: -4.2 } }),
  stepSample({ stolen: ['reconciler'] }),
];
