import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';
import { redisCommand } from '../../io/redis.ts';
import { type Attempt, attemptWrite, nowMs, startWrites } from '../../io/writes.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';

/** What became of the writes that began after Redis had answered a command. */
interface After {
  began: number;
  accepted: number;
  /** How long the first accepted write began after the answer; null: none was accepted. */
  firstAcceptedAfterMs: number | null;
}

interface Facts {
  acceptedBefore: number;
  /** The operator's own command. */
  engaged: After;
  /** How long after it the database had the change on record; null: not within the time that it has. */
  recordedWithinMs: number | null;
  /** How long after the operator's clearing an order was accepted again; null: not within the time that it has. */
  clearedWithinMs: number | null;
  /** The same after Redis lost its memory. */
  forgotten: After;
  /** Whether orders were accepted again once the switch was cleared as the service says. */
  recovered: boolean;
}

const concurrency = 4;
const acceptedBeforeWanted = 40;
const begunAfterWanted = 60;
/** What an operator may wait for. */
const withinMs = 1_000;
const pollMs = 10;

export default defineGate<Facts>({
  id: 'kill-switch/redis-engages-it',
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
  alone: true,
  covers: ['kill-switch.redis', 'kill-switch.redis-forgets', 'runbooks.tested'],
  unit: 'orders tried after Redis had answered',
  why: 'In an emergency somebody types the line of the runbook, sees OK, and believes that trading has stopped. And a Redis that was flushed says nothing at all.',
  fix: 'Read the switch in Redis for every order, after its request began; treat an absent key as cleared only while a key of your own is still beside it.',
  source: 'https://github.com/unkeyed/unkey/pull/5282',

  async observe(context) {
    const { engage, clear, forget } = partOf(context.config, 'killSwitchInRedis');
    const load = startWrites(context, concurrency);
    try {
      await load.until((attempts) => attempts.filter(({ accepted }) => accepted).length >= acceptedBeforeWanted);
      const acceptedBefore = load.attempts.length;
      const before = await latestChange(context);
      const engagedAtMs = await operate(context, engage);
      const recordedWithinMs = await soon(async () => (await latestChange(context)) !== before);
      const engaged = await watchWrites(load, engagedAtMs);
      await operate(context, clear);
      const clearedWithinMs = await soon(async () => accepts(context));
      const forgottenAtMs = await operate(context, forget);
      const forgotten = await watchWrites(load, forgottenAtMs);
      await load.stop();
      const recovered = (await clearThroughService(context)) && (await accepts(context));
      const facts = { acceptedBefore, engaged, recordedWithinMs, clearedWithinMs, forgotten, recovered };
      return { examined: engaged.began + forgotten.began, facts };
    } finally {
      await load.stop();
      await clearThroughService(context);
    }
  },

  judge({ engaged, recordedWithinMs, clearedWithinMs, forgotten, recovered }) {
    const findings: Finding[] = [];
    const tooLate = (what: string, identity: string, { began, accepted, firstAcceptedAfterMs }: After) => {
      if (accepted === 0) return;
      const first = `the first ${(firstAcceptedAfterMs ?? 0).toFixed(1)} ms after it`;
      findings.push({
        message: `${accepted} of ${began} orders that began after ${what} were accepted, ${first}`,
        identity,
      });
    };
    tooLate("Redis had answered the operator's command", 'accepted after the command', engaged);
    tooLate('Redis had lost its memory', 'accepted after the loss', forgotten);
    if (recordedWithinMs === null)
      findings.push({ message: `the database has no record of the activation in Redis after ${withinMs} ms` });
    if (clearedWithinMs === null)
      findings.push({
        message: `orders were still refused ${withinMs} ms after the operator had cleared the switch in Redis`,
      });
    if (!recovered)
      findings.push({ message: 'after Redis lost its memory the switch cannot be cleared through the service' });
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ engaged: { began: 60, accepted: 1, firstAcceptedAfterMs: 3 } }),
      facts({ forgotten: { began: 60, accepted: 60, firstAcceptedAfterMs: 0.1 } }),
      facts({ recordedWithinMs: null }),
      facts({ clearedWithinMs: null }),
      facts({ recovered: false }),
    ],
  },

  /** A helpful gateway: what is refused while the switch is engaged it clears, and sends again. */
  async sabotage(sandbox) {
    const { request } = partOf(sandbox.config, 'write');
    return sandbox.intercept(async (asked, forward) => {
      const answer = await forward(asked);
      const isRefused = asked.method === request.method && asked.path === request.path && answer.status >= 400;
      if (!isRefused) return answer;
      await clearEverywhere(sandbox);
      return forward(asked);
    });
  },
});

/** The command's answer has been read when the time is taken: from then on the operator believes it. */
async function operate({ sandbox }: Context, command: readonly string[]): Promise<number> {
  await redisCommand(redisUrlOf(sandbox), command);
  return nowMs();
}

function redisUrlOf({ redis }: Pick<Sandbox, 'redis'>): string {
  if (redis === undefined) throw new Error('the sandbox has no Redis');
  return redis.url;
}

async function watchWrites(load: ReturnType<typeof startWrites>, sinceMs: number): Promise<After> {
  const after = () => load.attempts.filter(({ startedAtMs }) => startedAtMs > sinceMs);
  await load.until(() => after().length >= begunAfterWanted);
  return countAccepted(after(), sinceMs);
}

function countAccepted(after: readonly Attempt[], sinceMs: number): After {
  const accepted = after.filter((attempt) => attempt.accepted);
  const [first] = accepted.map(({ startedAtMs }) => startedAtMs - sinceMs).sort((left, right) => left - right);
  return { began: after.length, accepted: accepted.length, firstAcceptedAfterMs: first ?? null };
}

/** The database's own record of the latest change, as text: another text, another change. */
async function latestChange({ config, target }: Context): Promise<string> {
  const { committedAt } = partOf(config, 'killSwitch');
  const [row] = await withDatabase(target.databaseUrl, (database) =>
    database.query(`SELECT (${committedAt})::text AS at`),
  );
  return String(row?.at);
}

async function soon(happened: () => Promise<boolean>): Promise<number | null> {
  const startedAtMs = nowMs();
  while (nowMs() - startedAtMs < withinMs) {
    if (await happened()) return Math.round(nowMs() - startedAtMs);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return null;
}

async function accepts(context: Context): Promise<boolean> {
  return (await attemptWrite(context, { idempotencyKey: crypto.randomUUID(), writer: 0 })).accepted;
}

async function clearThroughService({ config, target }: Pick<Context, 'config' | 'target'>): Promise<boolean> {
  const { clear } = partOf(config, 'killSwitch');
  const { status } = await send(target.url, clear, { key: target.credentials.operator });
  return status >= 200 && status < 300;
}

/** Past whatever stands in front of the service. */
async function clearEverywhere(sandbox: Sandbox): Promise<void> {
  const { config, service, credentials } = sandbox;
  await redisCommand(redisUrlOf(sandbox), partOf(config, 'killSwitchInRedis').clear);
  await send(service.url, partOf(config, 'killSwitch').clear, { key: credentials.operator });
}

function facts(change: Partial<Facts>): Facts {
  const refused: After = { began: 60, accepted: 0, firstAcceptedAfterMs: null };
  return {
    acceptedBefore: 40,
    engaged: refused,
    recordedWithinMs: 12,
    clearedWithinMs: 15,
    forgotten: refused,
    recovered: true,
    ...change,
  };
}
