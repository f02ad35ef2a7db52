import { setTimeout as delay } from 'node:timers/promises';
import { nextClockChange } from '../../calendars/market.ts';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { withDatabase } from '../../io/database.ts';
import { msUntil } from '../../io/until.ts';
import type { EdgeSeen } from './session-edge-findings.ts';
import { executionsOf, type TimeTravel, writeOf } from './time-travel.ts';

const beforeMs = 3_500;
/** The close is awaited longer: whoever looks at what rests every few minutes has done so before the waiting orders come. */
const beforeCloseMs = 8_000;
const waitingBeforeCloseMs = 3_000;
const afterMs = 3_000;
const everyMs = 150;
/** A cycle that has looked at the clock before an edge may commit a little after it. */
const lateByMs = 1_000;
/** Several turns of a processor that looks twice a second: whatever is executed on the wrong side is seen until then. */
const watchedMs = 1_500;
/** Before a close, so that what a busy machine is slow to execute falls on the right side of it all the same. */
const executedWithinMs = 3_000;
/** From its being asked for, or from the open that it waits for. */
const settlesWithinMs = 8_000;
const waitingOrders = 4;
const untilTheCloseOrders = 4;

interface Placed {
  id: string | null;
  status: number | null;
  /** From the edge: when it was sent, and when it was answered. */
  sentMs: number;
  answeredMs: number;
}

/** When the market's clocks change next, with the sessions around it. @throws when the calendar does not tell. */
export function changeOf({ calendar }: NonNullable<Config['clock']>) {
  const change = nextClockChange(calendar, new Date());
  if (!change) throw new Error(`the calendar ${calendar} does not tell of the next change of its clocks`);
  return {
    closeMs: Date.parse(change.closesBefore),
    changeMs: Date.parse(change.at),
    openMs: Date.parse(change.opensAfter),
  };
}

/** The last close before the market's clocks change, the change itself, and the first open after it. */
export async function crossEdges(context: Context, travel: TimeTravel): Promise<EdgeSeen[]> {
  const { atOnce, waiting, untilTheClose } = partOf(context.config, 'clock');
  const { work } = partOf(context.config, 'processing');
  const { closeMs, changeMs, openMs } = changeOf(partOf(context.config, 'clock'));
  context.progress('across the close');
  await travel.set(closeMs - beforeCloseMs);
  const ending = await placeSome(travel, closeMs, untilTheClose, untilTheCloseOrders);
  const [atClose, resting] = await Promise.all([
    stream(context, travel, closeMs, atOnce),
    untilNow(context, travel, closeMs - waitingBeforeCloseMs).then(() =>
      placeSome(travel, openMs, waiting, waitingOrders),
    ),
  ]);
  const close = await seenAtOnce(context, travel, {
    edge: 'the close',
    edgeMs: closeMs,
    placed: atClose,
    opens: false,
  });
  const ended = await seenEnding(context, travel, closeMs, ending);
  context.progress('across the change of the clocks');
  await travel.set(changeMs - beforeMs);
  const atChange = await stream(context, travel, changeMs, work);
  const change = await seenAlways(context, travel, changeMs, atChange);
  context.progress('across the open');
  await travel.set(openMs - beforeMs);
  const atOpen = await stream(context, travel, openMs, atOnce);
  const open = await seenAtOnce(context, travel, { edge: 'the open', edgeMs: openMs, placed: atOpen, opens: true });
  return [close, ended, change, open, await seenWaiting(context, travel, { closeMs, openMs }, resting)];
}

type Request = Parameters<typeof writeOf>[1];

async function placeSome(travel: TimeTravel, edgeMs: number, request: Request, count: number): Promise<Placed[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => place(travel, edgeMs, request, n)));
}

async function untilNow({ signal }: Context, { clocks }: TimeTravel, ms: number): Promise<void> {
  await delay(Math.max(0, ms - clocks.database.nowMs()), undefined, { signal });
}

async function place({ at, clocks }: TimeTravel, edgeMs: number, request: Request, n: number): Promise<Placed> {
  const sentMs = clocks.database.nowMs() - edgeMs;
  const { id, status } = await writeOf(at(n), request, n);
  return { id, status, sentMs, answeredMs: clocks.database.nowMs() - edgeMs };
}

/** One after the other, until the edge is past. */
async function stream({ signal }: Context, travel: TimeTravel, edgeMs: number, request: Request): Promise<Placed[]> {
  const placed: Placed[] = [];
  while (travel.clocks.database.nowMs() < edgeMs + afterMs) {
    placed.push(await place(travel, edgeMs, request, placed.length));
    await delay(everyMs, undefined, { signal });
  }
  await delay(watchedMs, undefined, { signal });
  return placed;
}

interface AtOnce {
  edge: string;
  edgeMs: number;
  placed: readonly Placed[];
  /** The market opens at this edge; otherwise it closes. */
  opens: boolean;
}

/** Executed on the side of the edge on which the market is open, and on no other. */
async function seenAtOnce(
  context: Context,
  travel: TimeTravel,
  { edge, edgeMs, placed, opens }: AtOnce,
): Promise<EdgeSeen> {
  const mustBe = placed.filter(({ sentMs, answeredMs }) => (opens ? sentMs > 0 : answeredMs < -executedWithinMs));
  const times = await settledTimes(context, travel, { edgeMs, placed, mustBe });
  const allowed = (at: number) => (opens ? at >= 0 : at <= lateByMs);
  return {
    ...summary(edge, edgeMs, 'orders that cannot wait', placed, times),
    refused: refusalsOf(mustBe),
    judged: mustBe.length,
    executedWrongly: [...times.values()].flat().filter((at) => !allowed(at)),
    missed: mustBe.filter(({ id }) => id !== null && (times.get(id) ?? []).length === 0).length,
  };
}

/** What trades at any time is executed, once, whatever the clocks of a market do. */
async function seenAlways(
  context: Context,
  travel: TimeTravel,
  edgeMs: number,
  placed: readonly Placed[],
): Promise<EdgeSeen> {
  const times = await settledTimes(context, travel, { edgeMs, placed, mustBe: placed });
  return {
    ...summary('the change of the clocks', edgeMs, 'orders of what trades at any time', placed, times),
    refused: refusalsOf(placed),
    judged: placed.length,
    missed: placed.filter(({ id }) => id !== null && (times.get(id) ?? []).length === 0).length,
  };
}

/** They were placed too late for the session, and wait for the next one: not executed in between, and once after its open. */
async function seenWaiting(
  context: Context,
  travel: TimeTravel,
  { closeMs, openMs }: { closeMs: number; openMs: number },
  placed: readonly Placed[],
): Promise<EdgeSeen> {
  const times = await settledTimes(context, travel, { edgeMs: openMs, placed, mustBe: placed });
  const closed = (at: number) => at > closeMs - openMs + lateByMs && at < 0;
  const waited = [...times.values()].filter((all) => !all.some((at) => at < 0));
  return {
    ...summary('the open', openMs, 'orders that wait for it', placed, times),
    refused: refusalsOf(placed),
    judged: waited.length,
    executedWrongly: [...times.values()].flat().filter(closed),
    missed: waited.filter(([at]) => at === undefined || at > settlesWithinMs).length,
  };
}

/** They end with the session, and are never executed. */
async function seenEnding(
  context: Context,
  travel: TimeTravel,
  edgeMs: number,
  placed: readonly Placed[],
): Promise<EdgeSeen> {
  const { expired } = partOf(context.config, 'orders');
  let states: (string | null | undefined)[] = [];
  await msUntil(context, settlesWithinMs, async () => {
    states = await statesOf(context, travel, placed);
    return states.every((one) => one === expired);
  });
  const times = await timesOf(context, travel, edgeMs, placed);
  return {
    ...summary('the close', edgeMs, 'orders that end with it', placed, times),
    refused: refusalsOf(placed),
    judged: placed.length,
    executedWrongly: [...times.values()].flat(),
    missed: states.filter((one) => one !== expired).length,
  };
}

async function statesOf({ config }: Context, { databaseUrl }: TimeTravel, placed: readonly Placed[]) {
  return withDatabase(databaseUrl, async (database) => {
    const states: (string | null | undefined)[] = [];
    for (const { id } of placed)
      states.push(Object.values((await database.query(partOf(config, 'orders').state, [id]))[0] ?? {})[0]);
    return states;
  });
}

function summary(
  edge: string,
  edgeMs: number,
  kind: string,
  placed: readonly Placed[],
  times: ReadonlyMap<string, readonly number[]>,
): EdgeSeen {
  return {
    ...{ edge, at: new Date(edgeMs).toISOString(), kind, placed: placed.length, refused: [], judged: 0 },
    ...{ executedWrongly: [], missed: 0, doubled: [...times.values()].filter(({ length }) => length > 1).length },
  };
}

function refusalsOf(placed: readonly Placed[]): (number | null)[] {
  return placed.filter(({ id }) => id === null).map(({ status }) => status);
}

/** When each was executed, once all that must be have been, or as long as that may take. */
async function settledTimes(
  context: Context,
  travel: TimeTravel,
  { edgeMs, placed, mustBe }: { edgeMs: number; placed: readonly Placed[]; mustBe: readonly Placed[] },
): Promise<Map<string, number[]>> {
  const missing = async () => {
    const times = await timesOf(context, travel, edgeMs, mustBe);
    return [...times.values()].some(({ length }) => length === 0);
  };
  await msUntil(context, settlesWithinMs, async () => !(await missing()));
  return timesOf(context, travel, edgeMs, placed);
}

async function timesOf(context: Context, { databaseUrl }: TimeTravel, edgeMs: number, placed: readonly Placed[]) {
  const ids = placed.flatMap(({ id }) => (id === null ? [] : [id]));
  const times = await executionsOf(context, databaseUrl, ids);
  return new Map([...times].map(([id, all]) => [id, all.map((at) => Math.round(at - edgeMs))]));
}
