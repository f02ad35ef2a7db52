import { randomUUIDv7 } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type DatabasePool, transaction, withConnection } from '../src/db/pool.ts';
import {
  acquireLease,
  findWorkerAges,
  holdLease,
  type Lease,
  recordHeartbeats,
  releaseLease,
} from '../src/db/workers.ts';
import { WORKER_BREAKER } from '../src/domain/breaker.ts';
import { OrderServiceError } from '../src/domain/errors.ts';
import {
  createSupervisor,
  SUPERVISOR_MESSAGES,
  type Supervisor,
  type SupervisorOptions,
} from '../src/workers/supervisor.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { eventually } from './support/eventually.ts';

let database: TestDatabase;
let pool: DatabasePool;
let supervisors: Supervisor[] = [];
let log: { message: string; fields: Readonly<Record<string, unknown>> }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool({ max: 20 });
});
beforeEach(() => {
  log = [];
});
afterEach(async () => {
  await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
  supervisors = [];
  await database.query('DELETE FROM workers.workers');
  await database.query('DELETE FROM workers.leases');
});
afterAll(() => database.drop());

function supervise(options: Partial<SupervisorOptions> = {}): Supervisor {
  const note = (fields: object, message: string): void => void log.push({ message, fields: { ...fields } });
  const supervisor = createSupervisor({
    pool,
    instance: { id: randomUUIDv7(), host: 'test', processId: 1 },
    log: { info: note, warn: note, error: note },
    ...options,
  });
  supervisors.push(supervisor);
  return supervisor;
}
const logged = (message: string) => log.filter((entry) => entry.message === message);
const rows = () =>
  database.query<{ name: string; steps: string; failures_in_row: number; last_error: string | null }>(
    'SELECT name, steps, failures_in_row, last_error FROM workers.workers ORDER BY name',
  );

test('a process says which workers it has and how they do, and takes them off the list when it ends', async () => {
  const supervisor = supervise();
  supervisor.work('counter', { intervalMs: 5, step: async () => undefined, onError: () => undefined });
  await eventually('steps are counted', async () => Number((await rows())[0]?.steps ?? 0) > 2);
  const [age] = await withConnection(pool, findWorkerAges);
  expect(age).toMatchObject({ name: 'counter', paused: false });
  expect(age?.heartbeatAgeS).toBeLessThan(5);
  await supervisor.stop();
  expect(await rows()).toEqual([]);
});

test('three errors in a row pause a worker for five minutes; then one try decides', async () => {
  let nowMs = 0;
  let fails = true;
  let tries = 0;
  const supervisor = supervise({ now: () => nowMs });
  supervisor.work('fragile', {
    intervalMs: 1,
    onError: () => undefined,
    step: async () => {
      tries += 1;
      if (fails) throw new Error('broken');
    },
  });
  await eventually('it is paused', async () => logged(SUPERVISOR_MESSAGES.paused).length === 1);
  expect(tries).toBe(WORKER_BREAKER.errorsInRow);
  await eventually('the pause is on its row', async () => (await withConnection(pool, findWorkerAges))[0]?.paused);
  expect(await rows()).toMatchObject([{ failures_in_row: 3, last_error: 'internal', steps: '0' }]);
  nowMs += WORKER_BREAKER.pauseMs - 1;
  await passes(20);
  expect(tries).toBe(3);
  nowMs += 1;
  await eventually('it was tried once, and paused again', async () => logged(SUPERVISOR_MESSAGES.paused).length === 2);
  expect(tries).toBe(4);
  fails = false;
  nowMs += WORKER_BREAKER.pauseMs;
  await eventually('it works again', async () => tries > 6);
});

/** So many turns of another worker's loop: what a paused one would have used. */
async function passes(count: number): Promise<void> {
  let turns = 0;
  const other = supervise();
  other.work('clock', {
    intervalMs: 1,
    onError: () => undefined,
    step: async () => {
      turns += 1;
    },
  });
  await eventually('turns have passed', async () => turns >= count);
}

test('what passes by itself, such as a database that is away, pauses nobody', async () => {
  let tries = 0;
  supervise().work('patient', {
    intervalMs: 1,
    onError: () => undefined,
    step: async () => {
      tries += 1;
      if (tries < 6) throw new OrderServiceError('database_unavailable');
    },
  });
  await eventually('it went on', async () => tries > 8);
  expect(logged(SUPERVISOR_MESSAGES.paused)).toEqual([]);
});

test('exclusive work runs in one process at a time, and goes over to the next when that one ends', async () => {
  const running = new Set<string>();
  const done: string[] = [];
  const start = (who: string): Supervisor => {
    const supervisor = supervise();
    supervisor.workAlone('alone', {
      intervalMs: 1,
      onError: () => undefined,
      step: async () => {
        running.add(who);
        expect(running.size).toBe(1);
        await withConnection(pool, (tx) => tx.query({ text: 'SELECT 1' }));
        running.delete(who);
        done.push(who);
      },
    });
    return supervisor;
  };
  const first = start('first');
  await eventually('the first works', async () => done.length > 3);
  start('second');
  await eventually('it goes on', async () => done.length > 10);
  expect(new Set(done)).toEqual(new Set(['first']));
  await first.stop();
  await eventually('the second takes over', async () => done.includes('second'));
});

const take = (forMs: number, instance: string = randomUUIDv7()) =>
  withConnection(pool, (tx) => acquireLease(tx, 'fenced', instance, forMs));
const mark = (lease: Lease) =>
  transaction(pool, async (tx) => {
    await holdLease(tx, lease);
    await tx.query({
      text: `INSERT INTO workers.workers (instance, name, host, process_id) VALUES ($1, 'mark', 'h', 1)`,
      values: [randomUUIDv7()],
    });
  });

test('a worker that wakes after its lease may not write, whether or not somebody else has it', async () => {
  const mine = await take(60_000);
  if (mine === null) throw new Error('nobody had it');
  await mark(mine);
  await withConnection(pool, (tx) => releaseLease(tx, mine));
  await expect(mark(mine)).rejects.toMatchObject({ code: 'lease_lost' });
  const theirs = await take(60_000);
  expect(Number(theirs?.token)).toBe(Number(mine.token) + 1);
  await expect(mark(mine)).rejects.toMatchObject({ code: 'lease_lost' });
  expect(await rows()).toHaveLength(1);
});

test('a lease is refused while another has it, kept by its holder, and not taken over in the middle of a write', async () => {
  const holder = randomUUIDv7();
  const mine = await take(60_000, holder);
  expect(await take(60_000)).toBeNull();
  expect(await take(60_000, holder)).toEqual(mine);
  if (mine === null) throw new Error('nobody had it');
  const writer = await database.connect();
  await writer.query('BEGIN');
  await writer.query('SELECT workers.hold_lease($1, $2)', [mine.name, mine.token]);
  // The lease runs out on the clock, which nobody may set while its row is held: the taker waits.
  let taken = false;
  const other = withConnection(pool, (tx) => releaseLease(tx, mine))
    .then(() => take(60_000))
    .then((lease) => {
      taken = true;
      return lease;
    });
  await eventually('the taker waits', async () => {
    const [row] = await database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE workers.leases%'`,
    );
    return row?.n === 1;
  });
  expect(taken).toBe(false);
  await writer.query('COMMIT');
  expect(Number((await other)?.token)).toBe(Number(mine.token) + 1);
});

test('a long transaction of exclusive work keeps neither heartbeats nor those who wait for the lease', async () => {
  const gate = Promise.withResolvers<void>();
  let held = false;
  const supervisor = supervise();
  const errors: unknown[] = [];
  supervisor.workAlone('fenced', {
    intervalMs: 1,
    onError: (error) => errors.push(error),
    step: (lease) =>
      transaction(pool, async (tx) => {
        await holdLease(tx, lease);
        held = true;
        await gate.promise;
      }),
  });
  await eventually('the step has the lease', async () => held);
  const heartbeat = async () =>
    (await database.query<{ at: string }>('SELECT heartbeat_at::text AS at FROM workers.workers'))[0]?.at;
  const before = await heartbeat();
  await eventually('another heartbeat', async () => (await heartbeat()) !== before);
  expect(await take(60_000)).toBeNull();
  expect(logged(SUPERVISOR_MESSAGES.heartbeat)).toEqual([]);
  held = false;
  gate.resolve();
  await eventually('the same process goes on', async () => held);
  expect(errors).toEqual([]);
});

test('a step that never ends is given up, cannot write any more, and the work goes on', async () => {
  const leases: Lease[] = [];
  const supervisor = supervise({ stuckAfterMs: 30 });
  supervisor.workAlone('stuck', {
    intervalMs: 1,
    onError: () => undefined,
    step: (lease) => {
      leases.push(lease);
      return leases.length === 1 ? new Promise(() => undefined) : Promise.resolve();
    },
  });
  await eventually('another step has run', async () => leases.length > 1);
  expect(logged(SUPERVISOR_MESSAGES.stuck)).toMatchObject([{ fields: { worker: 'stuck' } }]);
  const [abandoned, current] = leases;
  if (abandoned === undefined || current === undefined) throw new Error('two steps have run');
  expect(Number(current.token)).toBeGreaterThan(Number(abandoned.token));
  await expect(mark(abandoned)).rejects.toMatchObject({ code: 'lease_lost' });
});

test('a stop lets the step in progress finish', async () => {
  const gate = Promise.withResolvers<void>();
  let [begun, ended] = [false, false];
  const supervisor = supervise();
  supervisor.work('slow', {
    intervalMs: 1,
    onError: () => undefined,
    step: async () => {
      begun = true;
      await gate.promise;
      ended = true;
    },
  });
  await eventually('the step has begun', async () => begun);
  const stopped = supervisor.stop();
  expect(ended).toBe(false);
  gate.resolve();
  await stopped;
  expect(ended).toBe(true);
});

test('workers of a process that died are said to be lost, once, and taken off the list', async () => {
  const dead = { id: randomUUIDv7(), host: 'gone.example', processId: 4242 };
  const status = {
    name: 'orphan',
    stepForMs: null,
    lastStepAgoMs: null,
    steps: 1,
    failuresInRow: 0,
    pausedForMs: null,
    lastError: null,
  };
  await withConnection(pool, (tx) => recordHeartbeats(tx, dead, [status]));
  await database.query(`UPDATE workers.workers SET heartbeat_at = heartbeat_at - interval '5 minutes'`);
  const noWork = { intervalMs: 1000, step: async () => undefined, onError: () => undefined };
  supervise().work('one', noWork);
  supervise().work('two', noWork);
  await eventually('it is off the list', async () => !(await rows()).some(({ name }) => name === 'orphan'));
  await eventually('it is said', async () => logged(SUPERVISOR_MESSAGES.lost).length > 0);
  expect(logged(SUPERVISOR_MESSAGES.lost)).toMatchObject([
    { fields: { name: 'orphan', host: 'gone.example', processId: 4242 } },
  ]);
});
