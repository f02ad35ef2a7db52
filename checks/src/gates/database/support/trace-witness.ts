import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Span, startTraceSink } from '../../../sandbox/otlp.ts';
import type { Replica, Sandbox } from '../../../sandbox/sandbox.ts';
import { fillPlaceholders } from '../../../sandbox/service.ts';

/** A process of the service whose traces come here. */
export interface TraceWitness {
  readonly replica: Replica;
  /**
   * What the statements of these traces were, as many times as there were. Waits until each trace has the span of its request.
   * @throws when one has not in time: its process does not go on with a trace that it is given, or sends none.
   */
  statementsOf(traces: readonly Trace[]): Promise<string[][]>;
  close(): Promise<void>;
}

/** What a client says of its trace: https://www.w3.org/TR/trace-context/ */
export interface Trace {
  traceId: string;
  spanId: string;
}

const arriveWithinMs = 10_000;
const pollMs = 30;

export function newTrace(): Trace {
  return { traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') };
}

/** The header that makes the process go on with the trace, and record it. */
export function traceHeader({ traceId, spanId }: Trace): { traceparent: string } {
  return { traceparent: `00-${traceId}-${spanId}-01` };
}

/** @param environment of `tracing`: `{otlpUrl}` is filled in. */
export async function startTraceWitness(
  sandbox: Sandbox,
  environment: Record<string, string>,
  signal: AbortSignal,
): Promise<TraceWitness> {
  const sink = await startTraceSink();
  try {
    const replica = await sandbox.startReplica(fillPlaceholders(environment, { otlpUrl: sink.url }));
    return {
      replica,
      async statementsOf(traces) {
        const deadline = performance.now() + arriveWithinMs;
        while (!traces.every((trace) => sink.spans.some((span) => isRequest(span, trace)))) {
          if (performance.now() > deadline) throw new Error(`requests left no span within ${arriveWithinMs / 1000} s`);
          await delay(pollMs, undefined, { signal });
        }
        return traces.map(({ traceId }) =>
          sink.spans.filter((span) => span.traceId === traceId).flatMap((span) => statementsIn(textOf(span))),
        );
      },
      async close() {
        await replica.close();
        await sink.close();
      },
    };
  } catch (error) {
    await sink.close();
    throw error;
  }
}

function isRequest(span: Span, { traceId, spanId }: Trace): boolean {
  return span.traceId === traceId && span.parentSpanId === spanId;
}

/** By the name that OpenTelemetry gives it, and by its earlier one. */
function textOf({ attributes }: Span): string {
  return String(attributes['db.query.text'] ?? attributes['db.statement'] ?? '');
}

/** What begins and ends a transaction, or sets something, is counted nowhere. */
const control = /^(begin|start transaction|commit|rollback|set|reset|listen|savepoint|release)\b/i;

/** The statements of a text: a client may send several at once. */
export function statementsIn(text: string): string[] {
  return text
    .replace(/--.*$/gm, '')
    .replace(/'(?:[^']|'')*'/g, "''")
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '' && !control.test(statement));
}
