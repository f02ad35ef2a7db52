import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { type HttpRequest, send } from '../../io/http.ts';
import { countStatements, normaliseStatement } from './support/statement-counts.ts';
import { perRequest, type Window, windowBetween } from './support/statement-windows.ts';
import { newTrace, startTraceWitness, type Trace, type TraceWitness, traceHeader } from './support/trace-witness.ts';

interface Request {
  what: string;
  most: number;
  /** Statements that every one of the requests took, as the server counts them. */
  statements: number;
  /** The same, as their traces tell it. Null: the service is not traced. */
  traced: number | null;
  /** It may wake workers, whose statements the server counts as well. */
  wakesWorkers: boolean;
}

/** So many rows are there to be listed, and each request is made so often. */
const repetitions = 20;
/** For so long nothing is asked, so that what workers and probes ask all the time is known. */
const quietMs = 400;

export default defineGate<Request[]>({
  id: 'database/statements-per-request-are-bounded',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'config:databaseRole', 'config:statements', 'config:write'],
  covers: ['db.plans.optimised'],
  unit: 'requests',
  why: 'A page that asks once more for each of its rows is quick with three rows and takes a second with a thousand, and no single one of its statements is slow.',
  fix: 'Ask for all rows in one statement: a join, = ANY ($1), or LATERAL.',
  source: 'https://www.postgresql.org/docs/current/pgstatstatements.html',
  alone: true,

  async observe(context) {
    const { config, sandbox, signal } = context;
    const { tracing } = config;
    const witness = tracing && (await startTraceWitness(sandbox, tracing.environment, signal));
    try {
      const url = witness?.replica.url ?? context.target.url;
      const quiet = await windowOf(context, () => delay(quietMs, undefined, { signal }));
      const seen: Seen[] = [];
      for (const { what, most, wakesWorkers, ask } of requestsOf(context, url)) {
        const traces = Array.from({ length: repetitions }, newTrace);
        const asked = await windowOf(context, async () => {
          for (const trace of traces) await ask(trace);
        });
        seen.push({ what, most, wakesWorkers, traces, asked });
      }
      return { examined: seen.length * repetitions, facts: await readWitnesses(seen, quiet, witness) };
    } finally {
      await witness?.close();
    }
  },

  judge: (facts) => facts.flatMap(judgeRequest),

  samples: {
    good: [
      sample({}),
      sample({ traced: null }),
      // A worker that the write has woken asked, too.
      sample({ statements: 5, traced: 4, wakesWorkers: true }),
    ],
    bad: [
      sample({ statements: 21, traced: 21 }),
      sample({ statements: 21, traced: null }),
      sample({ statements: 21, traced: 21, wakesWorkers: true }),
      sample({ statements: 0, traced: null }),
      // One of the two witnesses does not see all.
      sample({ statements: 3 }),
      sample({ traced: 3 }),
      sample({ traced: 0 }),
      sample({ traced: 0, wakesWorkers: true }),
      sample({ traced: 3, wakesWorkers: true }),
    ],
  },

  /** Before a page is answered, what it needs is asked for again and again, as if once for each of its rows. */
  async sabotage(sandbox) {
    const [page] = partOf(sandbox.config, 'statements').reads;
    const rows = 5;
    return sandbox.intercept(async (request, forward) => {
      if (request.method === 'GET' && request.path === page?.path) {
        for (let row = 0; row < rows; row += 1) await forward(request);
      }
      return forward(request);
    });
  },
});

interface Asked {
  what: string;
  most: number;
  wakesWorkers: boolean;
  ask(trace: Trace): Promise<void>;
}

/** The write and each of the pages. @throws when one is not answered as it should be. */
function requestsOf({ config, target }: Context, url: string): Asked[] {
  const { reads, mostPerWrite } = partOf(config, 'statements');
  const { request, idempotencyHeader, acceptedStatus } = partOf(config, 'write');
  const [key] = target.credentials.writers;
  const ask = async (asked: HttpRequest, headers: Record<string, string>, expected: number) => {
    const { status } = await send(url, asked, { headers, ...(key !== undefined && { key }) });
    if (status !== expected) throw new Error(`${asked.method} ${asked.path} answers ${status}`);
  };
  const write: Asked = {
    what: 'the write',
    most: mostPerWrite,
    wakesWorkers: true,
    ask: (trace) => ask(request, { ...traceHeader(trace), [idempotencyHeader]: randomUUID() }, acceptedStatus),
  };
  const pages = reads.map(({ path, most }) => ({
    ...{ what: `GET ${path}`, most, wakesWorkers: false },
    ask: (trace: Trace) => ask({ method: 'GET', path }, traceHeader(trace), 200),
  }));
  return [write, ...pages];
}

async function windowOf({ config, sandbox }: Context, work: () => Promise<unknown>): Promise<Window> {
  const { name: role } = partOf(config, 'databaseRole');
  const look = () =>
    withDatabase(sandbox.postgres.url, (database) => countStatements(database, sandbox.databaseUrl, role));
  const before = await look();
  const startedAt = performance.now();
  await work();
  return windowBetween(before, await look(), performance.now() - startedAt);
}

/** One kind of request, made as often as there are traces. */
interface Seen {
  what: string;
  most: number;
  wakesWorkers: boolean;
  traces: Trace[];
  asked: Window;
}

/** Once all is asked: spans come a moment after what they tell of. */
async function readWitnesses(
  seen: readonly Seen[],
  quiet: Window,
  witness: TraceWitness | undefined,
): Promise<Request[]> {
  const told = witness && (await Promise.all(seen.map(({ traces }) => witness.statementsOf(traces))));
  // Asked while nobody was there, and not in the trace of any request: that is what workers and probes ask.
  const others = new Set(told && quiet.statements.map(({ text }) => normaliseStatement(text)));
  for (const text of (told ?? []).flat(2)) others.delete(normaliseStatement(text));
  return seen.map(({ what, most, wakesWorkers, asked }, index) => ({
    ...{ what, most, wakesWorkers, statements: perRequest(asked, quiet, repetitions, others) },
    traced: told ? fewest(told[index] ?? []) : null,
  }));
}

/** Of the trace that tells of the fewest: what some of the requests take besides is none of every request. */
function fewest(statements: readonly string[][]): number {
  return Math.min(...statements.map(({ length }) => length));
}

function judgeRequest({ what, most, statements, traced, wakesWorkers }: Request): Finding[] {
  if (statements === 0) return [{ message: `${what} asked the database nothing`, identity: what }];
  // Where workers join in, the traces alone tell whose statements they were.
  const seen = wakesWorkers && traced !== null ? traced : Math.max(statements, traced ?? 0);
  if (seen > most) {
    return [{ message: `${what} takes ${seen} statements, and ${most} are the most`, identity: what }];
  }
  if (traced === null || traced === statements || (wakesWorkers && traced > 0 && traced < statements)) return [];
  return [
    {
      message: `the database was asked ${statements} statements by ${what}, and its traces tell of ${traced}: one of them does not see all`,
      identity: `${what} traced`,
      fix: 'Trace every connection to the database, and let the process go on with the trace that its client began.',
    },
  ];
}

function sample(change: Partial<Request>): Request[] {
  return [{ what: 'GET /carts', most: 4, statements: 2, traced: 2, wakesWorkers: false, ...change }];
}
