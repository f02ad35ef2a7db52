import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { type HttpRequest, send } from '../../io/http.ts';
import { type Attempt, nowMs, startWrites, storedIds } from '../../io/writes.ts';

interface Facts {
  engagedStatus: number;
  /** When the activation was committed, by the database's own record. */
  committedAtMs: number;
  /** How long the activation took to answer while writes went on. */
  engagedWithinMs: number;
  acceptedBefore: number;
  /** Writes that began after that commit, and how many of them got which answer. */
  beganAfter: number;
  answersAfter: Record<string, number>;
  /** The violation itself: began after the commit, and accepted. */
  acceptedAfter: Pick<Attempt, 'id' | 'startedAtMs' | 'writer'>[];
  unansweredAfter: number;
  /** What the database holds more than before the check, beside what was accepted or left without an answer. */
  storedUnseen: number;
  acceptedAgain: boolean;
}

const concurrency = 8;
const acceptedBeforeWanted = 100;
const begunAfterWanted = 200;
/** A list of violations longer than this says nothing more. */
const violationsKept = 20;

export default defineGate<Facts>({
  id: 'kill-switch/stops-new-orders',
  severity: 'blocker',
  profile: 'commit',
  unwaivable: true,
  needs: ['service', 'database', 'sandbox', 'config:write', 'config:killSwitch'],
  alone: true,
  covers: ['kill-switch.stops-new-orders'],
  unit: 'orders tried after the activation',
  why: 'Whoever throws the switch is losing money by the second, and believes that it has stopped.',
  fix: 'Read the switch inside the transaction that places the order, after a lock that the activation takes too; no cache in between.',
  source: 'https://www.law.cornell.edu/cfr/text/17/240.15c3-5',

  async observe(context) {
    const { config, target } = context;
    const { engage, clear, committedAt } = partOf(config, 'killSwitch');
    const before = await storedIds(context);
    const load = startWrites(context, concurrency);
    let engagedStatus: number;
    let engagedWithinMs: number;
    let committedAtMs: number;
    try {
      await load.until((attempts) => attempts.filter(({ accepted }) => accepted).length >= acceptedBeforeWanted);
      const askedAtMs = nowMs();
      engagedStatus = await operate(context, engage);
      engagedWithinMs = Math.round(nowMs() - askedAtMs);
      committedAtMs = await commitTime(target.databaseUrl, committedAt);
      await load.until((attempts) => beganAfter(attempts, committedAtMs).length >= begunAfterWanted);
    } finally {
      await load.stop();
      await operate(context, clear);
    }
    const after = beganAfter(load.attempts, committedAtMs);
    const stored = (await storedIds(context)).difference(before);
    const facts: Facts = {
      ...{ engagedStatus, engagedWithinMs, committedAtMs },
      acceptedBefore:
        load.attempts.filter(({ accepted }) => accepted).length - after.filter(({ accepted }) => accepted).length,
      beganAfter: after.length,
      answersAfter: countBy(after, ({ status }) => String(status ?? 'none')),
      acceptedAfter: after
        .filter(({ accepted }) => accepted)
        .slice(0, violationsKept)
        .map(place),
      unansweredAfter: after.filter(({ status }) => status === null).length,
      storedUnseen: stored.size - load.attempts.filter(({ accepted, status }) => accepted || status === null).length,
      acceptedAgain: await acceptsAgain(context),
    };
    return { examined: after.length, facts };
  },

  judge(facts) {
    const { engagedStatus, committedAtMs, acceptedAfter, unansweredAfter, storedUnseen, acceptedAgain } = facts;
    const findings: Finding[] = acceptedAfter.map(({ id, startedAtMs }) => ({
      message: `order ${id} was accepted, and its request began ${(startedAtMs - committedAtMs).toFixed(1)} ms after the activation's commit`,
      identity: 'accepted after the activation',
    }));
    if (engagedStatus < 200 || engagedStatus > 299)
      findings.push({ message: `the activation answered ${engagedStatus}` });
    if (unansweredAfter > 0)
      findings.push({
        message: `${unansweredAfter} orders got no answer while the switch was engaged: refuse them in words`,
      });
    if (storedUnseen > 0)
      findings.push({ message: `${storedUnseen} orders are in the database though their requests were refused` });
    if (!acceptedAgain)
      findings.push({
        message: 'after the switch was cleared an order was still refused: nobody dares to throw a switch that sticks',
      });
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ acceptedAfter: [{ id: '1', startedAtMs: 1_005, writer: 0 }] }),
      facts({ engagedStatus: 500 }),
      facts({ unansweredAfter: 3 }),
      facts({ storedUnseen: 1 }),
      facts({ acceptedAgain: false }),
    ],
  },

  /** The activation is answered and never arrives: an operator's screen says HALTED, and orders go on. */
  async sabotage(sandbox) {
    const { engage } = partOf(sandbox.config, 'killSwitch');
    return sandbox.intercept(async (request, forward) => {
      const engages =
        request.method === engage.method &&
        request.path === engage.path &&
        request.body.equals(Buffer.from(JSON.stringify(engage.body)));
      if (!engages) return forward(request);
      return { status: 200, headers: { 'content-type': 'application/json' }, body: request.body };
    });
  },
});

async function operate({ target }: Context, request: HttpRequest): Promise<number> {
  return (await send(target.url, request, { key: target.credentials.operator })).status;
}

async function commitTime(databaseUrl: string, sql: string): Promise<number> {
  const inMs = `SELECT extract(epoch FROM committed_at) * 1000 AS ms FROM (${sql}) AS latest (committed_at)`;
  const [row] = await withDatabase(databaseUrl, (database) => database.query(inMs));
  const committedAtMs = Number(row?.ms ?? Number.NaN);
  if (!Number.isFinite(committedAtMs)) throw new Error('the database does not say when the activation was committed');
  return committedAtMs;
}

async function acceptsAgain(context: Context): Promise<boolean> {
  const load = startWrites(context, 1);
  await load.until((attempts) => attempts.length > 0);
  return (await load.stop()).some(({ accepted }) => accepted);
}

function beganAfter(attempts: readonly Attempt[], timeMs: number): Attempt[] {
  return attempts.filter(({ startedAtMs }) => startedAtMs > timeMs);
}

function place({ id, startedAtMs, writer }: Attempt): Pick<Attempt, 'id' | 'startedAtMs' | 'writer'> {
  return { id, startedAtMs, writer };
}

function countBy<T>(items: readonly T[], name: (item: T) => string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(Object.groupBy(items, name)).map(([key, group]) => [key, group?.length ?? 0]),
  );
}

function facts(change: Partial<Facts>): Facts {
  return {
    engagedStatus: 200,
    committedAtMs: 1_000,
    engagedWithinMs: 4,
    acceptedBefore: 100,
    beganAfter: 200,
    answersAfter: { '503': 200 },
    acceptedAfter: [],
    unansweredAfter: 0,
    storedUnseen: 0,
    acceptedAgain: true,
    ...change,
  };
}
