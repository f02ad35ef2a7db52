import type { Context } from '../../engine/context.ts';
import type { Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { type InvariantSeen, readInvariants } from '../../io/invariants.ts';
import { type Attempt, attemptWrite, storedIds, type WriteTarget } from '../../io/writes.ts';

/** What became of writes whose answers a fault has come between. */
export interface Settled {
  acknowledged: number;
  replayed: number;
  /** Acknowledged, and not in the database. */
  lost: string[];
  /** Replayed with the same key, and answered with something else than before. */
  differing: { idempotencyKey: string; before: string; replayed: string }[];
  /** Orders in the database beyond one for each key. */
  doubled: number;
}

const replayConcurrency = 8;

/** Looks for every acknowledged write, then asks each write again with its own key: `before` are the ids of earlier ones. */
export async function settle(from: WriteTarget, before: Set<string>, attempts: readonly Attempt[]): Promise<Settled> {
  const survived = (await storedIds(from)).difference(before);
  const replays = await replay(from, attempts);
  const stored = (await storedIds(from)).difference(before);
  const acknowledged = attempts.filter(({ accepted }) => accepted);
  return {
    acknowledged: acknowledged.length,
    replayed: replays.size,
    lost: acknowledged.map(({ id }) => id ?? '').filter((id) => !survived.has(id)),
    differing: acknowledged.flatMap((attempt) => differs(attempt, replays.get(attempt.idempotencyKey))),
    doubled: Math.max(0, stored.size - replays.size),
  };
}

/** The configured invariants on the target: rows that break one were half applied. */
export function invariantsNow({ target, config }: Context): Promise<InvariantSeen[]> {
  return withDatabase(target.databaseUrl, (database) => readInvariants(database, config.database.invariants));
}

/** The acknowledged ones must be told the same, the cut-off ones are made now or were. */
async function replay(from: WriteTarget, attempts: readonly Attempt[]): Promise<Map<string, Attempt>> {
  const queue = [...attempts];
  const answers = new Map<string, Attempt>();
  const worker = async () => {
    for (let attempt = queue.pop(); attempt; attempt = queue.pop()) {
      answers.set(attempt.idempotencyKey, await attemptWrite(from, attempt));
    }
  };
  await Promise.all(Array.from({ length: replayConcurrency }, worker));
  return answers;
}

function differs({ idempotencyKey, status, id }: Attempt, replayed: Attempt | undefined): Settled['differing'] {
  if (replayed && replayed.status === status && replayed.id === id) return [];
  return [
    { idempotencyKey, before: `${status} ${id}`, replayed: `${replayed?.status ?? 'nothing'} ${replayed?.id ?? ''}` },
  ];
}

export function findingsOfSettled({ lost, differing, doubled }: Settled, fault: string): Finding[] {
  return [
    ...lost.map((id) => ({
      message: `order ${id} was acknowledged, and is not in the database after ${fault}`,
      identity: `${fault}: acknowledged and lost`,
      fix: 'Acknowledge after the commit, and leave synchronous_commit on.',
    })),
    ...differing.map(({ idempotencyKey, before, replayed }) => ({
      message: `key ${idempotencyKey} was answered with ${before} before ${fault} and with ${replayed} after it`,
      identity: `${fault}: replay differs`,
      fix: 'Save the answer under the idempotency key in the transaction of the order, and give the saved one.',
    })),
    ...(doubled > 0
      ? [
          {
            message: `replays with the same keys made ${doubled} second orders after ${fault}`,
            identity: `${fault}: doubled`,
            fix: 'Write the idempotency key in the transaction of the order, under a unique constraint.',
          },
        ]
      : []),
  ];
}

export function findingsOfInvariants(invariants: readonly InvariantSeen[]): Finding[] {
  return invariants
    .filter(({ violations }) => violations > 0)
    .map(({ name, violations, examples }) => ({
      message: `${violations} rows break the invariant "${name}" after the fault: half applied: ${examples[0] ?? ''}`,
      identity: name,
      fix: 'Write all that belongs together in one transaction.',
    }));
}

/** For samples: nothing was lost or doubled, unless the change says otherwise. */
export function settledSample(change: Partial<Settled> = {}): Settled {
  return { acknowledged: 40, replayed: 60, lost: [], differing: [], doubled: 0, ...change };
}

/** Each fault of {@link findingsOfSettled}, once. */
export const badSettled: readonly Settled[] = [
  settledSample({ lost: ['1'] }),
  settledSample({ differing: [{ idempotencyKey: 'k', before: '1', replayed: '2' }] }),
  settledSample({ doubled: 1 }),
];
