import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill, type Finding, type Recovery } from '../engine/gate.ts';
import { send } from '../io/http.ts';
import { redisCommand } from '../io/redis.ts';
import { type Attempt, attemptWrite, nowMs, startWrites } from '../io/writes.ts';
import type { RedisServer } from '../sandbox/redis.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import { mustBeSteady } from './support/steady.ts';
import type { StrikeRow } from './support/strike-row.ts';

/** What became of writes when Redis was lost in one way. */
interface Loss {
  fault: string;
  inFlight: number;
  /** Began after the strike. */
  began: number;
  /** Of these: how long after the strike the last accepted one began; null: none was accepted. */
  lastAcceptedMs: number | null;
  /** Accepted, and begun more than the bound after the strike. */
  acceptedLate: number;
  unanswered: number;
  /** Accepted between the end of the fault and the clearing by hand. */
  acceptedUncleared: number;
  /** From the clearing to the first accepted write; null: not within the bound. */
  clearedMs: number | null;
}

interface Facts {
  losses: Loss[];
  rows: StrikeRow[];
}

const engagedWithinMs = 1_000;
const clearsWithinMs = 5_000;
const writers = 4;
const pauseMs = 10;
const warmUpWrites = 16;
/** Past the bound, so that what is accepted too late is seen. */
const watchedMs = 1_200;
const watchedAfterEndMs = 300;
const pollMs = 20;

export default defineDrill<Facts>({
  id: 'drills/redis-lost',
  severity: 'blocker',
  profile: 'commit',
  needs: [
    'service',
    'database',
    'sandbox',
    'redis-server',
    'config:write',
    'config:killSwitch',
    'config:killSwitchInRedis',
  ],
  covers: ['failover.redis-lost'],
  unit: 'orders tried after the loss',
  timeoutMs: 60_000,
  why: 'Operators stop trading in Redis. A Redis that is dead, frozen, empty or evicting cannot say that they did, so silence has to mean stop.',
  fix: 'Count an unreadable switch, and an absent key without your own sentinel beside it, as engaged; keep it engaged until somebody clears it.',
  source: 'https://github.com/unkeyed/unkey/pull/5282',

  steadyState: mustBeSteady,

  async strike(context, recovery) {
    const losses: Loss[] = [];
    for (const way of waysOf(context)) losses.push(await lose(context, way, recovery));
    return {
      examined: losses.reduce((sum, { began }) => sum + began, 0),
      struckInFlight: losses.reduce((sum, { inFlight }) => sum + inFlight, 0),
      facts: { losses, rows: losses.map(rowOf) },
    };
  },

  async undo({ sandbox, config, target }) {
    const redis = redisOf(sandbox);
    redis.thaw();
    await redis.start();
    await keepMemory(redis);
    await send(target.url, partOf(config, 'killSwitch').clear, { key: target.credentials.operator });
  },

  judge: ({ losses }) => losses.flatMap(findingsOf),

  samples: {
    good: [facts(loss({}))],
    bad: [
      facts(loss({ acceptedLate: 1, lastAcceptedMs: 1_200 })),
      facts(loss({ unanswered: 1 })),
      facts(loss({ acceptedUncleared: 1 })),
      facts(loss({ clearedMs: null })),
    ],
  },

  /** A helpful gateway: what is refused while the switch is engaged it tells as accepted. */
  async sabotage(sandbox) {
    const { request: write, acceptedStatus, idField } = partOf(sandbox.config, 'write');
    return sandbox.intercept(async (request, forward) => {
      const answer = await forward(request);
      const isRefusal = request.method === write.method && request.path === write.path && answer.status >= 400;
      if (!isRefusal) return answer;
      const body = Buffer.from(JSON.stringify({ [idField]: crypto.randomUUID() }));
      return { status: acceptedStatus, headers: { 'content-type': 'application/json' }, body };
    });
  },
});

interface Way {
  fault: string;
  strike(): Promise<void>;
  end(): Promise<void>;
  /** It strikes once more before the runbook page is followed, which then has to bring Redis back too. */
  strikeAgain?(): Promise<void>;
}

function waysOf({ sandbox, config }: Context): Way[] {
  const redis = redisOf(sandbox);
  const command = (...words: string[]) => redisCommand(redis.url, words);
  const nothing = async () => undefined;
  return [
    {
      fault: 'Redis is killed and comes back empty',
      strike: () => redis.kill(),
      end: () => redis.start(),
      strikeAgain: () => redis.kill(),
    },
    { fault: 'Redis is frozen', strike: async () => redis.freeze(), end: async () => redis.thaw() },
    {
      fault: 'Redis is flushed',
      strike: async () => void (await redisCommand(redis.url, partOf(config, 'killSwitchInRedis').forget)),
      end: nothing,
    },
    {
      fault: 'Redis evicts what it holds',
      async strike() {
        await command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
        await command('CONFIG', 'SET', 'maxmemory', '1');
        // A write makes room first: it is what evicts. It may be refused for want of memory, after the eviction.
        await command('SET', 'preflight:evicts', 'x').catch(() => undefined);
      },
      end: () => keepMemory(redis),
    },
  ];
}

async function keepMemory({ url }: RedisServer): Promise<void> {
  await redisCommand(url, ['CONFIG', 'SET', 'maxmemory', '0']);
  await redisCommand(url, ['CONFIG', 'SET', 'maxmemory-policy', 'noeviction']);
}

function redisOf({ redis }: Pick<Sandbox, 'redis'>): RedisServer {
  if (redis === undefined) throw new Error('the sandbox has no Redis');
  return redis;
}

async function lose(context: Context, { fault, strike, end, strikeAgain }: Way, recovery: Recovery): Promise<Loss> {
  const { signal, progress } = context;
  progress(fault);
  const load = startWrites(context, writers, { pauseMs });
  try {
    await load.until((all) => all.filter(({ accepted }) => accepted).length >= warmUpWrites && load.inFlight() > 0);
    const inFlight = load.inFlight();
    await strike();
    const struckAtMs = nowMs();
    await delay(watchedMs, undefined, { signal });
    await end();
    const endedAtMs = nowMs();
    await delay(watchedAfterEndMs, undefined, { signal });
    const attempts = await load.stop();
    await strikeAgain?.();
    await recovery.byThePage(() => clear(context));
    const seen = describe(attempts, struckAtMs, endedAtMs);
    return { fault, inFlight, ...seen, clearedMs: await untilAccepted(context) };
  } finally {
    await load.stop();
  }
}

function describe(attempts: readonly Attempt[], struckAtMs: number, endedAtMs: number) {
  const after = attempts.filter(({ startedAtMs }) => startedAtMs >= struckAtMs);
  const accepted = after.filter((attempt) => attempt.accepted).map(({ startedAtMs }) => startedAtMs);
  return {
    began: after.length,
    lastAcceptedMs: accepted.length > 0 ? Math.round(Math.max(...accepted) - struckAtMs) : null,
    acceptedLate: accepted.filter((at) => at - struckAtMs > engagedWithinMs).length,
    acceptedUncleared: accepted.filter((at) => at >= endedAtMs).length,
    unanswered: after.filter(({ status }) => status === null).length,
  };
}

async function clear({ config, target, sandbox }: Context): Promise<void> {
  await redisOf(sandbox).start();
  await send(target.url, partOf(config, 'killSwitch').clear, { key: target.credentials.operator });
}

async function untilAccepted(context: Context): Promise<number | null> {
  const startedAtMs = nowMs();
  while (nowMs() - startedAtMs < clearsWithinMs) {
    const { accepted } = await attemptWrite(context, { idempotencyKey: crypto.randomUUID(), writer: 0 });
    if (accepted) return Math.round(nowMs() - startedAtMs);
    await delay(pollMs, undefined, { signal: context.signal });
  }
  return null;
}

function findingsOf({
  fault,
  began,
  acceptedLate,
  lastAcceptedMs,
  unanswered,
  acceptedUncleared,
  clearedMs,
}: Loss): Finding[] {
  const found: Finding[] = [];
  if (acceptedLate > 0) {
    const message = `${acceptedLate} of ${began} orders were accepted more than ${engagedWithinMs} ms after this: ${fault}; the last ${lastAcceptedMs} ms after it`;
    found.push({ message, identity: `${fault}: accepted` });
  }
  if (unanswered > 0) {
    const message = `${unanswered} of ${began} orders got no answer after this: ${fault}`;
    found.push({
      message,
      identity: `${fault}: unanswered`,
      fix: 'Bound the wait for Redis far below the client’s patience.',
    });
  }
  if (acceptedUncleared > 0) {
    const message = `${acceptedUncleared} orders were accepted before anybody had cleared the switch after this: ${fault}`;
    found.push({ message, identity: `${fault}: uncleared` });
  }
  if (clearedMs === null) {
    const message = `orders are still refused ${clearsWithinMs} ms after it was cleared as the runbook says, after this: ${fault}`;
    found.push({
      message,
      identity: `${fault}: not cleared`,
      fix: 'Clearing restores what Redis has lost, and both sides agree.',
    });
  }
  return found;
}

function rowOf({ fault, inFlight, began, lastAcceptedMs, acceptedLate, clearedMs }: Loss): StrikeRow {
  return {
    fault,
    proof: `${inFlight} writes in flight, ${began} tried after it`,
    bound: `engaged ≤ ${engagedWithinMs} ms, 0 accepted after, clears by the page`,
    observed: `${lastAcceptedMs === null ? 'none accepted' : `last accepted ${lastAcceptedMs} ms after`}, ${acceptedLate} too late, cleared after ${clearedMs ?? '–'} ms`,
  };
}

function loss(change: Partial<Loss>): Loss {
  return {
    ...{ fault: 'Redis is flushed', inFlight: 3, began: 200, lastAcceptedMs: null, acceptedLate: 0 },
    ...{ unanswered: 0, acceptedUncleared: 0, clearedMs: 30 },
    ...change,
  };
}

function facts(...losses: Loss[]): Facts {
  return { losses, rows: [] };
}
