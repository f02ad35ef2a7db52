import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';

type Breaker = NonNullable<NonNullable<Config['workers']>['breaker']>;

/** What a worker says of itself. */
interface State {
  failures: number;
  /** Seconds from now; null: it does not pause. */
  pausedForSeconds: number | null;
  steps: number;
}

interface Facts {
  worker: string;
  errorsInRow: number;
  pauseSeconds: number;
  /** When its pause was seen to begin, or when it had not begun in time. */
  opened: State;
  /** Answers of the process meanwhile, and other workers that paused with it. */
  liveness: number;
  alsoPaused: string[];
  /** After what was broken is mended: how long it took until it worked again. Null: not within its pause and a little more. */
  recoveredAfterSeconds: number | null;
}

const opensWithinMs = 30_000;
/** Beyond its pause: for the next try, and for the heartbeat that tells of it. */
const recoverySlackSeconds = 30;
/** Between the pause's beginning and a look at it: a heartbeat, and what a busy machine adds. */
const seenWithinSeconds = 15;
const lookEveryMs = 250;

export default defineGate<Facts>({
  id: 'workers/breaker-opens',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:workers'],
  // A pause of minutes is waited for to its end.
  long: true,
  alone: true,
  timeoutMs: 720_000,
  covers: ['workers.breaker'],
  unit: 'pauses of a worker',
  why: 'A worker that fails and tries again at once fills the log and hammers what is already down; one that gives up for good has to be found and started by a person.',
  fix: 'Count errors in a row, rest for minutes after the third, then try once; let the other workers and the process go on meanwhile.',
  source: 'https://martinfowler.com/bliki/CircuitBreaker.html',

  async observe(context) {
    const breaker = breakerOf(context.config);
    const { worker, errorsInRow, pauseSeconds } = breaker;
    await run(context, breaker.break);
    let mended = false;
    try {
      const opened = await until(context, breaker, ({ pausedForSeconds }) => pausedForSeconds !== null, opensWithinMs);
      const { status: liveness } = await send(context.target.url, {
        method: 'GET',
        path: context.config.service.liveness,
      });
      const alsoPaused = await pausedBeside(context, breaker);
      await run(context, breaker.mend);
      mended = true;
      const recoveredAfterSeconds = await untilRecovered(context, breaker, opened);
      const facts = { worker, errorsInRow, pauseSeconds, opened, liveness, alsoPaused, recoveredAfterSeconds };
      return { examined: 1, facts };
    } finally {
      if (!mended) await run(context, breaker.mend);
      // Whatever was seen, the next gate needs a worker that works.
      await context.sandbox.service.restart();
    }
  },

  judge({ worker, errorsInRow, pauseSeconds, opened, liveness, alsoPaused, recoveredAfterSeconds }) {
    const findings: Finding[] = [];
    const say = (identity: string, message: string) => findings.push({ message, identity: `${worker}: ${identity}` });
    const { pausedForSeconds, failures } = opened;
    if (pausedForSeconds === null)
      say('does not pause', `${worker} fails on and does not pause: ${failures} errors in a row are told`);
    else if (failures !== errorsInRow)
      say('errors in a row', `${worker} paused after ${failures} errors in a row: ${errorsInRow} are promised`);
    if (
      pausedForSeconds !== null &&
      (pausedForSeconds > pauseSeconds || pausedForSeconds < pauseSeconds - seenWithinSeconds)
    )
      say(
        'length of the pause',
        `${worker} pauses for ${Math.round(pausedForSeconds)} s: ${pauseSeconds} s are promised`,
      );
    if (liveness !== 200) say('takes the process with it', `while ${worker} failed, the process answered ${liveness}`);
    if (alsoPaused.length > 0) say('takes others with it', `with ${worker} paused: ${alsoPaused.join(', ')}`);
    if (pausedForSeconds !== null && recoveredAfterSeconds === null)
      say('does not recover', `${worker} did not work again within ${pauseSeconds + recoverySlackSeconds} s`);
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ opened: { failures: 40, pausedForSeconds: null, steps: 9 }, recoveredAfterSeconds: null }),
      facts({ opened: { failures: 5, pausedForSeconds: 299, steps: 9 } }),
      facts({ opened: { failures: 3, pausedForSeconds: 59, steps: 9 } }),
      facts({ opened: { failures: 3, pausedForSeconds: 3_599, steps: 9 } }),
      facts({ liveness: 503 }),
      facts({ alsoPaused: ['activity-projector'] }),
      facts({ recoveredAfterSeconds: null }),
    ],
  },

  /** No error is counted: it tries on, for ever. */
  async sabotage({ config, databaseUrl }) {
    const { table, failures, pausedUntil } = breakerOf(config);
    await withDatabase(databaseUrl, async (database) => {
      await database.query(`CREATE FUNCTION public.preflight_forget() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.${failures} := 0; NEW.${pausedUntil} := NULL; RETURN NEW; END $$`);
      await database.query(`CREATE TRIGGER preflight_forget BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW
        EXECUTE FUNCTION public.preflight_forget()`);
    });
    return () =>
      withDatabase(databaseUrl, async (database) => {
        await database.query('DROP FUNCTION public.preflight_forget() CASCADE');
      });
  },
});

/** @throws when the configuration promises none. */
function breakerOf(config: Config): Breaker {
  const { breaker } = partOf(config, 'workers');
  if (!breaker)
    throw new Error('preflight.config.ts does not describe `workers.breaker`: name the worker and its pause');
  return breaker;
}

async function run({ target }: Context, sql: string): Promise<void> {
  await withDatabase(target.databaseUrl, (database) => database.query(sql));
}

async function read({ target }: Context, breaker: Breaker): Promise<State> {
  const { table, name, failures, pausedUntil, steps, worker } = breaker;
  const [row] = await withDatabase(target.databaseUrl, (database) =>
    database.query(
      `SELECT max(${failures}) AS failures, max(${steps}) AS steps,
         extract(epoch FROM max(${pausedUntil}) - clock_timestamp()) AS paused FROM ${table} WHERE ${name} = $1`,
      [worker],
    ),
  );
  if (row?.steps === null || row?.steps === undefined) throw new Error(`no process runs the worker ${worker}`);
  const pausedForSeconds = row.paused === null || row.paused === undefined ? null : Number(row.paused);
  return { failures: Number(row.failures), pausedForSeconds, steps: Number(row.steps) };
}

/** The first state that is as wanted, or the last one before the time was up. */
async function until(
  context: Context,
  breaker: Breaker,
  wanted: (state: State) => boolean,
  withinMs: number,
): Promise<State> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const state = await read(context, breaker);
    if (wanted(state) || performance.now() > deadline) return state;
    await delay(lookEveryMs, undefined, { signal: context.signal });
  }
}

async function untilRecovered(context: Context, breaker: Breaker, opened: State): Promise<number | null> {
  if (opened.pausedForSeconds === null) return null;
  const startedAtMs = performance.now();
  const withinMs = (breaker.pauseSeconds + recoverySlackSeconds) * 1_000;
  const works = ({ failures, steps }: State) => failures === 0 && steps > opened.steps;
  const state = await until(context, breaker, works, withinMs);
  return works(state) ? Math.round((performance.now() - startedAtMs) / 1_000) : null;
}

async function pausedBeside({ target }: Context, breaker: Breaker): Promise<string[]> {
  const { table, name, pausedUntil, worker } = breaker;
  const rows = await withDatabase(target.databaseUrl, (database) =>
    database.query(`SELECT ${name}::text AS name FROM ${table} WHERE ${pausedUntil} IS NOT NULL AND ${name} <> $1`, [
      worker,
    ]),
  );
  return rows.map((row) => row.name ?? '');
}

function facts(change: Partial<Facts>): Facts {
  return {
    worker: 'limit-processor',
    errorsInRow: 3,
    pauseSeconds: 300,
    opened: { failures: 3, pausedForSeconds: 299.2, steps: 9 },
    liveness: 200,
    alsoPaused: [],
    recoveredAfterSeconds: 301,
    ...change,
  };
}
