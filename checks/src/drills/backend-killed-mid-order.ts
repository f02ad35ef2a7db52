import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { defineDrill } from '../engine/gate.ts';
import { withDatabase } from '../io/database.ts';
import { send } from '../io/http.ts';
import { type InvariantSeen, readInvariants } from '../io/invariants.ts';
import { type Attempt, attemptWrite, startWrites, storedIds } from '../io/writes.ts';

interface Round {
  acknowledged: number;
  /** Begun and not answered at the moment of the kill, and never answered. */
  cutOff: number;
  /** Of those that were cut off: how many had been committed all the same. */
  cutOffAndStored: number;
  /** Acknowledged, and not in the database. */
  lost: string[];
  /** Replayed with the same key, and answered with something else than before. */
  differing: { idempotencyKey: string; before: string; replayed: string }[];
  /** Orders in the database beyond one for each key. */
  doubled: number;
  restartMs: number;
}

interface Facts {
  rounds: Round[];
  /** The invariants of the configuration: rows that break one were half applied. */
  invariants: InvariantSeen[];
}

const rounds = 3;
const concurrency = 8;
/** The kill comes after a different number of acknowledgements in each round. */
const acknowledgedBeforeKill = [40, 75, 110];
const replayConcurrency = 8;

export default defineDrill<Facts>({
  id: 'drills/backend-killed-mid-order',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write'],
  covers: [
    'failover.backend-killed',
    'failover.recovers-after-downtime',
    'orders.acknowledged-survives',
    'orders.idempotent-replay',
  ],
  unit: 'orders',
  timeoutMs: 60_000,
  why: 'A process dies between taking an order and telling so. The client asks again; it must find one order, whole, not none and not two.',
  fix: 'Acknowledge after the commit; write the order, its event, its reservation and its idempotency key in one transaction.',
  source: 'https://www.postgresql.org/docs/current/wal-reliability.html',

  async steadyState({ config, target, signal, ...context }) {
    const { status } = await send(target.url, { method: 'GET', path: config.service.readiness }, { signal });
    if (status !== 200) throw new Error(`not in its steady state: readiness answered ${status}`);
    const write = await attemptWrite(
      { ...context, config, target, signal },
      { idempotencyKey: crypto.randomUUID(), writer: 0 },
    );
    if (!write.accepted)
      throw new Error(`not in its steady state: an order was answered ${write.status ?? 'with nothing'}`);
  },

  async strike(context) {
    const seen: (Round & { replayed: number })[] = [];
    for (let round = 0; round < rounds; round += 1) {
      context.progress(`kill ${round + 1} of ${rounds}`);
      seen.push(await killOnce(context, acknowledgedBeforeKill[round] ?? concurrency));
    }
    const invariants = await withDatabase(context.target.databaseUrl, (database) =>
      readInvariants(database, context.config.database.invariants),
    );
    const sum = (count: (round: (typeof seen)[number]) => number) =>
      seen.reduce((total, round) => total + count(round), 0);
    return {
      examined: sum(({ replayed }) => replayed),
      struckInFlight: sum(({ cutOff }) => cutOff),
      facts: { rounds: seen, invariants },
    };
  },

  undo: ({ sandbox }) => sandbox.service.start(),

  judge: ({ rounds: seen, invariants }) => [
    ...seen.flatMap(({ lost, differing, doubled }) => [
      ...lost.map((id) => ({
        message: `order ${id} was acknowledged, and is not in the database after the kill`,
        identity: 'acknowledged and lost',
      })),
      ...differing.map(({ idempotencyKey, before, replayed }) => ({
        message: `key ${idempotencyKey} was answered with ${before} before the kill and with ${replayed} after it`,
        identity: 'replay differs',
        fix: 'Save the answer under the idempotency key in the transaction of the order, and give the saved one.',
      })),
      ...(doubled > 0
        ? [{ message: `replays with the same keys made ${doubled} second orders`, identity: 'doubled' }]
        : []),
    ]),
    ...invariants
      .filter(({ violations }) => violations > 0)
      .map(({ name, violations, examples }) => ({
        message: `${violations} rows break the invariant "${name}" after the kill: half applied: ${examples[0] ?? ''}`,
        identity: name,
      })),
  ],

  samples: {
    good: [{ rounds: [round({})], invariants: [{ name: 'conservation', looksAt: 10, violations: 0, examples: [] }] }],
    bad: [
      { rounds: [round({ lost: ['1'] })], invariants: [] },
      { rounds: [round({ differing: [{ idempotencyKey: 'k', before: '1', replayed: '2' }] })], invariants: [] },
      { rounds: [round({ doubled: 1 })], invariants: [] },
      { rounds: [round({})], invariants: [{ name: 'conservation', looksAt: 10, violations: 1, examples: ['(1)'] }] },
    ],
  },

  /** Every second acknowledgement does not wait: the proxy says that the order is taken, and only then passes it on. */
  async sabotage(sandbox) {
    const { request: write, acceptedStatus, idField } = partOf(sandbox.config, 'write');
    let writes = 0;
    return sandbox.intercept(async (request, forward) => {
      if (request.method !== write.method || request.path !== write.path) return forward(request);
      writes += 1;
      if (writes % 2 === 1) return forward(request);
      // What becomes of it is what nobody waits for.
      forward(request).catch(() => undefined);
      const body = Buffer.from(JSON.stringify({ [idField]: crypto.randomUUID() }));
      return { status: acceptedStatus, headers: { 'content-type': 'application/json' }, body };
    });
  },
});

async function killOnce(context: Context, acknowledgements: number): Promise<Round & { replayed: number }> {
  const { service } = context.sandbox;
  const before = await storedIds(context);
  const load = startWrites(context, concurrency);
  await load.until(
    (attempts) => attempts.filter(({ accepted }) => accepted).length >= acknowledgements && load.inFlight() > 0,
  );
  service.signal('SIGKILL');
  await service.ended();
  const attempts = await load.stop();
  const startedAt = performance.now();
  await service.start();
  const restartMs = Math.round(performance.now() - startedAt);
  const survived = (await storedIds(context)).difference(before);
  const replays = await replay(context, attempts);
  const stored = (await storedIds(context)).difference(before);
  const acknowledged = attempts.filter(({ accepted }) => accepted);
  const cutOff = attempts.filter(({ status }) => status === null);
  return {
    acknowledged: acknowledged.length,
    cutOff: cutOff.length,
    cutOffAndStored: survived.size - acknowledged.length,
    lost: acknowledged.map(({ id }) => id ?? '').filter((id) => !survived.has(id)),
    differing: acknowledged.flatMap((attempt) => differs(attempt, replays.get(attempt.idempotencyKey))),
    doubled: Math.max(0, stored.size - replays.size),
    restartMs,
    replayed: replays.size,
  };
}

/** Every write again, with its own key: the acknowledged ones must be told the same, the cut-off ones are made now or were. */
async function replay(context: Context, attempts: readonly Attempt[]): Promise<Map<string, Attempt>> {
  const queue = [...attempts];
  const answers = new Map<string, Attempt>();
  const worker = async () => {
    for (let attempt = queue.pop(); attempt; attempt = queue.pop()) {
      answers.set(attempt.idempotencyKey, await attemptWrite(context, attempt));
    }
  };
  await Promise.all(Array.from({ length: replayConcurrency }, worker));
  return answers;
}

function differs({ idempotencyKey, status, id }: Attempt, replayed: Attempt | undefined): Round['differing'] {
  if (replayed && replayed.status === status && replayed.id === id) return [];
  return [
    { idempotencyKey, before: `${status} ${id}`, replayed: `${replayed?.status ?? 'nothing'} ${replayed?.id ?? ''}` },
  ];
}

function round(change: Partial<Round>): Round {
  return {
    acknowledged: 40,
    cutOff: 6,
    cutOffAndStored: 2,
    lost: [],
    differing: [],
    doubled: 0,
    restartMs: 600,
    ...change,
  };
}
