import { randomInt, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../../engine/context.ts';
import { withDatabase } from '../../../io/database.ts';
import { lastLines } from '../../../io/exec.ts';
import { send } from '../../../io/http.ts';
import { type InvariantSeen, readInvariants } from '../../../io/invariants.ts';
import { type Attempt, attemptWrite, nowMs, startWrites, storedIds, type WriteTarget } from '../../../io/writes.ts';
import type { PostgresServer } from '../../../sandbox/postgres.ts';
import { redisDatabase } from '../../../sandbox/redis.ts';
import type { Replica, Sandbox } from '../../../sandbox/sandbox.ts';
import { type BaseBackup, baseBackupOf, sameDatabase } from './base-backup.ts';
import { type RestorePlace, restoreCluster } from './restore.ts';

/** From the moment that the primary is known to be lost to the first order that the copy takes, in milliseconds. */
export interface Phases {
  restore: number;
  recover: number;
  check: number;
  startService: number;
  firstOrder: number;
}

/** The service on a restored copy. */
export interface OnTheCopy {
  /** Why it did not become ready there; null: it did. */
  failure: string | null;
  /** What the first new write was answered (null: nothing), and whether that means that it was made. */
  firstWrite: number | null;
  accepted: boolean;
  /** Writes from before the disaster, made again with their keys: how many, and those that were answered otherwise. */
  replayed: number;
  differing: string[];
  /** Of all invariants, after the load. */
  invariants: InvariantSeen[];
  /** What pg_amcheck found in the copy's tables and indexes; null: nothing. */
  damage: string | null;
  /** The slowest but one of twenty: on the copy, and before, on the original. */
  p95Ms: number;
  p95BeforeMs: number;
}

/** What was lost when the copy, by then the primary, lost its storage under load. */
export interface Loss {
  seed: number;
  acknowledged: number;
  lost: number;
  /** Acknowledged before another one that survived was asked for: a hole, not an end. */
  holes: string[];
  /** From the moment that the oldest lost one was asked for to the loss of the storage. */
  lostMs: number;
  /** Acknowledged by the copy, and there again: zero means that nothing was archived since the backup. */
  survived: number;
}

export interface Disaster {
  phasesMs: Phases;
  service: OnTheCopy;
  /** Null: the service did not come up, so that nothing could be lost. */
  loss: Loss | null;
}

const rehearsed = new WeakMap<Sandbox, { of: string; disaster: Promise<Disaster> }>();

/**
 * Once for all gates that look at it, and again when something is in the way of the service: the sandbox's cluster is restored
 * to another place, the service is started there, takes orders, and loses its storage at a random moment.
 */
export function disasterOf(context: Context): Promise<Disaster> {
  const { sandbox } = context;
  const before = rehearsed.get(sandbox);
  if (before?.of === sandbox.url) return before.disaster;
  const disaster = rehearse(context);
  rehearsed.set(sandbox, { of: sandbox.url, disaster });
  disaster.catch(() => rehearsed.delete(sandbox));
  return disaster;
}

const writers = 2;
/** On a copy whose segments are archived every second: long enough for some, short enough for a gate. */
export const archiveTimeoutSeconds = 1;
const [shortestLoadMs, longestLoadMs] = [2_500, 4_000];
const replaysWanted = 5;

async function rehearse(context: Context): Promise<Disaster> {
  const base = await baseBackupOf(context);
  const { sandbox, tools } = context;
  const place = { backups: base.backups, tools, directory: sandbox.directory, identity: sandbox.postgres.identity };
  context.progress('restoring the whole cluster');
  const archives = { timeoutSeconds: archiveTimeoutSeconds };
  const { server, ...restored } = await restoreCluster({ ...place, name: 'new-primary', archives });
  const end: (() => Promise<void>)[] = [() => server.stop('immediate')];
  try {
    const url = sameDatabase(server.url, sandbox.databaseUrl);
    const damage = await timed(() => findDamage(context, url));
    const started = await timed(() => startOnCopy(sandbox, server));
    const known = {
      restore: restored.restoreMs,
      recover: restored.recoverMs,
      check: damage.ms,
      startService: started.ms,
    };
    if (typeof started.value === 'string') {
      const service = { ...notStarted, failure: started.value, damage: damage.value };
      return { phasesMs: { ...known, firstOrder: 0 }, service, loss: null };
    }
    const replica = started.value;
    end.unshift(() => replica.close());
    const from: WriteTarget = {
      ...{ config: context.config, signal: context.signal },
      target: { url: replica.url, databaseUrl: url, credentials: sandbox.credentials },
    };
    const first = await timed(() => attemptWrite(from, { idempotencyKey: randomUUID(), writer: 0 }));
    const replays = await replay(from, base);
    const { loss, attempts, invariants } = await loseStorage(context, from, server, place);
    const answered = { failure: null, firstWrite: first.value.status, accepted: first.value.accepted, ...replays };
    const speed = { p95Ms: p95(attempts), p95BeforeMs: p95(base.attempts) };
    return {
      phasesMs: { ...known, firstOrder: first.ms },
      service: { ...answered, ...speed, invariants, damage: damage.value },
      loss,
    };
  } finally {
    for (const each of end) await each();
  }
}

const notStarted: Omit<OnTheCopy, 'failure' | 'damage'> = {
  ...{ firstWrite: null, accepted: false, replayed: 0, differing: [], invariants: [], p95Ms: 0, p95BeforeMs: 0 },
};

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now();
  const value = await work();
  return { value, ms: Math.round(performance.now() - startedAt) };
}

/**
 * The service, with its database's address changed to the copy's; or why it did not become ready there. What it finds in
 * Redis is what Redis remembers at that moment; where that is newer than the backup it stays stopped, until an operator
 * has looked and clears the kill switch.
 */
async function startOnCopy(sandbox: Sandbox, server: PostgresServer): Promise<Replica | string> {
  const { config, credentials, redis } = sandbox;
  const [original, copy] = [new URL(sandbox.postgres.url).host, new URL(server.url).host];
  const moved = Object.entries(sandbox.service.environment).filter(([, value]) => value.includes(original));
  const environment = moved.map(([name, value]) => [name, value.replaceAll(original, copy)]);
  if (environment.length === 0) throw new Error(`no variable of the service names its database at ${original}`);
  const memory = redis ? { redisUrl: await redisDatabase(redis, 'recovery') } : {};
  const replica = await sandbox
    .startReplica(Object.fromEntries(environment), memory)
    .catch((error: Error) => error.message);
  if (typeof replica === 'string' || config.killSwitch === undefined) return replica;
  const { status, text } = await send(replica.url, config.killSwitch.clear, { key: credentials.operator });
  if (status < 400) return replica;
  await replica.close();
  return `its kill switch cannot be cleared: ${status} ${text}`;
}

/** Every page of every table and index of the service's database, beside its heap. Null: nothing is wrong. */
async function findDamage({ exec, tools }: Context, url: string): Promise<string | null> {
  const { hostname, port, username, pathname } = new URL(url);
  const args = ['--install-missing', '--heapallindexed', '--jobs=2', '--no-password', '--database', pathname.slice(1)];
  const where = ['--host', hostname, '--port', port, '--username', username];
  const result = await exec(tools.path('pg_amcheck'), [...where, ...args]);
  if (result.code === 0 && !result.timedOut) return null;
  // https://www.postgresql.org/docs/current/app-pgamcheck.html: 2 is corruption, everything else is that it could not look.
  if (result.code === 2) return lastLines(result);
  throw new Error(`pg_amcheck ended with exit code ${result.code}: ${lastLines(result)}`);
}

/** Accepted before the backup's end, and therefore in the copy: their answers have to be the same again. */
async function replay(from: WriteTarget, { attempts }: BaseBackup): Promise<Pick<OnTheCopy, 'replayed' | 'differing'>> {
  const stored = await storedIds(from);
  const known = attempts.filter(({ accepted, id }) => accepted && id !== null && stored.has(id)).slice(-replaysWanted);
  const differing: string[] = [];
  for (const attempt of known) {
    const { status, id } = await attemptWrite(from, attempt);
    if (status !== attempt.status || id !== attempt.id) differing.push(`${attempt.id} was answered ${status} ${id}`);
  }
  return { replayed: known.length, differing };
}

/** Load on the copy, a random moment, and its data directory is gone. What was archived is restored once more. */
async function loseStorage(
  context: Context,
  from: WriteTarget,
  server: PostgresServer,
  place: Omit<RestorePlace, 'name'>,
): Promise<{ loss: Loss; attempts: readonly Attempt[]; invariants: InvariantSeen[] }> {
  const seed = randomInt(2 ** 31);
  const load = startWrites(from, writers);
  await untilArchived(server.url);
  await delay(shortestLoadMs + (seed % (longestLoadMs - shortestLoadMs)), undefined, { signal: context.signal });
  await load.until(() => load.inFlight() > 0);
  const lostAtMs = nowMs();
  await server.stop('immediate');
  rmSync(server.dataDirectory, { recursive: true, force: true, maxRetries: 5 });
  const attempts = await load.stop();
  context.progress(`the storage is lost (seed ${seed}): restoring what was archived`);
  const { server: again } = await restoreCluster({ ...place, name: 'after-the-loss' });
  try {
    const url = sameDatabase(again.url, from.target.databaseUrl);
    const stored = await storedIds({ ...from, target: { ...from.target, databaseUrl: url } });
    const { invariants: wanted } = context.config.database;
    const invariants = await withDatabase(url, (database) => readInvariants(database, wanted));
    return { loss: lossOf(attempts, stored, lostAtMs, seed), attempts, invariants };
  } finally {
    await again.stop('fast');
    rmSync(again.dataDirectory, { recursive: true, force: true, maxRetries: 5 });
  }
}

const firstSegmentWithinMs = 15_000;
const lookEveryMs = 100;

/** A busy machine ships its first segment late. One that ships none is told by what is lost: this does not wait for ever. */
async function untilArchived(url: string): Promise<void> {
  const deadline = performance.now() + firstSegmentWithinMs;
  const sql = "SELECT 1 FROM pg_stat_archiver WHERE last_archived_wal ~ '^[0-9A-F]{24}$'";
  await withDatabase(url, async (database) => {
    while ((await database.query(sql)).length === 0 && performance.now() < deadline) await delay(lookEveryMs);
  });
}

/** What was lost has to be the end of what was acknowledged: nothing that a survivor came after. */
export function lossOf(
  attempts: readonly Attempt[],
  stored: ReadonlySet<string>,
  lostAtMs: number,
  seed: number,
): Loss {
  const acknowledged = attempts.filter(({ accepted, id }) => accepted && id !== null);
  const survivors = acknowledged.filter(({ id }) => stored.has(id ?? ''));
  const lost = acknowledged.filter(({ id }) => !stored.has(id ?? ''));
  const lastSurvivorAskedMs = Math.max(...survivors.map(({ startedAtMs }) => startedAtMs));
  return {
    ...{ seed, acknowledged: acknowledged.length, survived: survivors.length, lost: lost.length },
    holes: lost.filter(({ endedAtMs }) => endedAtMs < lastSurvivorAskedMs).map(({ id }) => id ?? ''),
    lostMs: Math.round(lost.length === 0 ? 0 : lostAtMs - Math.min(...lost.map(({ startedAtMs }) => startedAtMs))),
  };
}

function p95(attempts: readonly Attempt[]): number {
  const accepted = attempts.filter((attempt) => attempt.accepted);
  const sorted = accepted.map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs).sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length * 0.95)] ?? 0);
}
