import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { makeExecutableWrites } from '../../io/executed-writes.ts';
import { type Span, startTraceSink } from '../../sandbox/otlp.ts';
import { fillPlaceholders } from '../../sandbox/service.ts';

/** What is found of one write by its id, and by the trace of its request. */
interface Trail {
  /** The span of its request carries its id. */
  request: boolean;
  /** Statements of the database in the same trace. */
  statements: number;
  /** A span of a worker, outside of the request, carries its id. */
  worker: boolean;
  /** Lines of the log with its id, and whether one of them names the trace of its request. */
  lines: number;
  lineOfTrace: boolean;
  events: number;
}

interface Facts {
  writes: number;
  spans: number;
  /** Of the write that left the most behind: which process executed the others is a matter of chance. */
  best: Trail;
  /** Writes whose request left no span with their id. */
  withoutSpan: number;
}

const writesAtOnce = 3;
const writesMax = 60;
const followedWithinMs = 10_000;
/** Until more is written: spans go out a moment after they ended. */
const roundMs = 700;
const pollMs = 50;
/** What OpenTelemetry's instrumentation of PostgreSQL calls itself, and the attribute that any of a database has. */
const statementScope = /pg$/;

export default defineGate<Facts>({
  id: 'tracing/orders-can-be-followed',
  severity: 'advisory',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:tracing', 'config:logs', 'config:audit', 'config:processing'],
  reliesOn: ['quotes'],
  covers: ['metrics.tracing'],
  unit: 'writes',
  why: 'When one order went wrong among a million, its id is all that its owner has: it must lead from the request to the fill.',
  fix: 'Put the id of the write on the span and on the logger as soon as it is known, and on the spans of the workers that go on with it.',
  source: 'https://opentelemetry.io/docs/concepts/observability-primer/',

  async observe(context) {
    const sink = await startTraceSink();
    const environment = fillPlaceholders(partOf(context.config, 'tracing').environment, { otlpUrl: sink.url });
    const replica = await context.sandbox.startReplica(environment);
    try {
      const target = { ...pick(context), url: replica.url };
      const from = { config: context.config, target, signal: context.signal };
      const ids: string[] = [];
      const deadline = performance.now() + followedWithinMs;
      for (;;) {
        // Whichever process has a turn goes on with a write: some of them have to be this one's.
        if (ids.length < writesMax) ids.push(...(await makeExecutableWrites(from, writesAtOnce)));
        const facts = await followUntil(performance.now() + roundMs, context, ids, sink.spans, replica.logFile);
        if (isWhole(facts) || performance.now() > deadline) return { examined: ids.length, facts };
      }
    } finally {
      await replica.close();
      await sink.close();
    }
  },

  judge({ writes, spans, best, withoutSpan }) {
    if (spans === 0)
      return [{ message: `${writes} writes left no span at all: nothing is traced`, identity: 'no spans' }];
    const findings: Finding[] = [];
    const miss = (message: string, identity: string) => findings.push({ message, identity });
    if (withoutSpan > 0)
      miss(`${withoutSpan} of ${writes} requests have no span with the id of what they made`, 'request');
    if (best.statements === 0) miss('no statement of the database is in the trace of its request', 'statements');
    if (!best.worker) miss('no span of a worker carries the id: the trail ends with the request', 'worker');
    if (best.lines === 0) miss('no line of the log carries the id', 'lines');
    else if (!best.lineOfTrace) miss('no line of the log names the trace of the request', 'trace in the log');
    if (best.events < 2) miss(`the events tell ${best.events} of its steps: it was made and executed`, 'events');
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      { ...facts({}), spans: 0 },
      { ...facts({}), withoutSpan: 1 },
      facts({ statements: 0 }),
      facts({ worker: false }),
      facts({ lines: 0, lineOfTrace: false }),
      facts({ lineOfTrace: false }),
      facts({ events: 1 }),
    ],
  },

  /** A deployment has lost the variables that say where traces go. */
  async sabotage({ config }) {
    const own = partOf(config, 'tracing');
    config.tracing = { ...own, environment: {} };
    return async () => {
      config.tracing = own;
    };
  },
});

function pick({ target }: Context): Pick<Context['target'], 'databaseUrl' | 'credentials'> {
  const { databaseUrl, credentials } = target;
  return { databaseUrl, credentials };
}

function isWhole({ withoutSpan, best }: Facts): boolean {
  const { request, statements, worker, lineOfTrace, events } = best;
  return withoutSpan === 0 && request && statements > 0 && worker && lineOfTrace && events > 1;
}

async function followUntil(roundEndsAt: number, context: Context, ...seen: Seen): Promise<Facts> {
  for (;;) {
    const facts = await follow(context, ...seen);
    if (isWhole(facts) || performance.now() > roundEndsAt) return facts;
    await delay(pollMs, undefined, { signal: context.signal });
  }
}

/** The ids of what was written, the spans that came, and the log of the process that was asked. */
type Seen = [ids: readonly string[], spans: readonly Span[], logFile: string];

async function follow({ config, target }: Context, ...[ids, spans, logFile]: Seen): Promise<Facts> {
  const records = (await readFile(logFile, 'utf8')).split('\n').flatMap(readRecord);
  const sql = `SELECT id, count(*) AS events FROM (${partOf(config, 'audit').events}) AS told (id) WHERE id = ANY ($1) GROUP BY id`;
  const rows = await withDatabase(target.databaseUrl, (database) => database.query(sql, [ids]));
  const events = new Map(rows.map((row) => [row.id, Number(row.events)]));
  const trails = ids.map((id) => trailOf(config, id, spans, records, events.get(id) ?? 0));
  const [best] = trails.toSorted((one, other) => weightOf(other) - weightOf(one));
  if (!best) throw new Error('nothing was written: there is nothing to follow');
  const withoutSpan = trails.filter(({ request }) => !request).length;
  return { writes: ids.length, spans: spans.length, best, withoutSpan };
}

type LogLine = Record<string, unknown>;

/** Lines that are no JSON are another gate's matter. */
function readRecord(line: string): LogLine[] {
  try {
    return [JSON.parse(line) as LogLine];
  } catch {
    return [];
  }
}

function trailOf(
  config: Config,
  id: string,
  spans: readonly Span[],
  records: readonly LogLine[],
  events: number,
): Trail {
  const { attribute, traceField } = partOf(config, 'tracing');
  const own = spans.filter(({ attributes }) => attributes[attribute] === id);
  const lines = records.filter((record) => record[partOf(config, 'logs').writeId] === id);
  // The request came first. What carries the id in another trace went on without it.
  const request = own.find(({ traceId }) => lines.some((line) => line[traceField] === traceId)) ?? own[0];
  const inTrace = spans.filter(({ traceId }) => traceId === request?.traceId);
  return {
    request: request !== undefined,
    statements: inTrace.filter(isStatement).length,
    worker: own.some(({ traceId, spanId }) => traceId !== request?.traceId && spanId !== request?.spanId),
    ...{ lines: lines.length, events },
    lineOfTrace: request !== undefined && lines.some((line) => line[traceField] === request.traceId),
  };
}

function isStatement({ scope, attributes }: Span): boolean {
  return statementScope.test(scope) || 'db.system.name' in attributes || 'db.system' in attributes;
}

function weightOf({ request, statements, worker, lines, lineOfTrace, events }: Trail): number {
  const parts = [request, statements > 0, worker, lines > 0, lineOfTrace, events > 1];
  return parts.filter(Boolean).length;
}

function facts(change: Partial<Trail>): Facts {
  const best = { request: true, statements: 4, worker: true, lines: 3, lineOfTrace: true, events: 2, ...change };
  return { writes: 12, spans: 90, best, withoutSpan: 0 };
}
