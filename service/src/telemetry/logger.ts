import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { errorFields } from './error-fields.ts';
import { createScrubber } from './scrub.ts';

export type { Logger } from 'pino';

/** Field names whose values are never logged, wherever a caller may have put them. Paths are case-sensitive. */
const SECRET_FIELDS = ['authorization', 'Authorization', 'cookie', 'password', 'apiKey', 'key', 'token', 'databaseUrl'];
const REDACT_PATHS = SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

export interface LoggerSettings {
  readonly level: string;
  readonly nodeEnv: string;
  /** Exact values that must never be written, whatever field they are in. */
  readonly secrets: readonly string[];
  /** Where the lines go; standard output when left out. */
  readonly destination?: DestinationStream;
  /** Hears the level and the message of every line that is logged. It must not throw. */
  readonly onLine?: (level: string, message: unknown) => void;
}

/** Trace and span id of the active span, so that a log line leads to its trace. */
function traceFields(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span !== undefined && isSpanContextValid(span) ? { traceId: span.traceId, spanId: span.spanId } : {};
}

/** Of `logger.error(fields, message)` the message; of `logger.error(message)` the only argument. */
function messageOf([first, second]: readonly unknown[]): unknown {
  return typeof first === 'string' ? first : second;
}

/**
 * Makes the process's logger: one JSON object a line with a constant `msg` and the data in fields.
 * Only a developer's terminal gets the readable form.
 */
export function createLogger(settings: LoggerSettings): pino.Logger {
  const scrub = createScrubber(settings.secrets);
  const options: LoggerOptions = {
    level: settings.level,
    base: { service: 'order-service', pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: errorFields, error: errorFields },
    redact: { paths: REDACT_PATHS, censor: '[redacted]' },
    hooks: {
      streamWrite: scrub,
      logMethod(args, method, level) {
        settings.onLine?.(this.levels.labels[level] ?? 'unknown', messageOf(args));
        method.apply(this, args);
      },
    },
    mixin: traceFields,
  };
  if (settings.destination !== undefined) return pino(options, settings.destination);
  if (settings.nodeEnv === 'development' && process.stdout.isTTY) {
    return pino({ ...options, formatters: {}, transport: { target: 'pino-pretty' } });
  }
  // Synchronous writes: the last line before an exit is the one that is needed most.
  return pino(options, pino.destination({ fd: 1, sync: true }));
}
