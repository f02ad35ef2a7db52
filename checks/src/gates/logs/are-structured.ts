import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type HttpRequest, send } from '../../io/http.ts';

/** A line that is not as promised, by its place; its text may hold anything and stays where it is. */
interface Fault {
  line: number;
  fault: string;
}

interface Facts {
  lines: number;
  faults: Fault[];
  /** Messages in which something stands that is different each time. */
  changing: { message: string; times: number }[];
  requests: number;
  /** Ids of requests of which no line tells. */
  unseenRequests: number;
  /** Whether the line of the write carries the id of what was made. */
  writeFound: boolean;
  /** Lines before the first request, and after the process was asked to end. */
  atStart: number;
  atStop: number;
  exitCode: number | null;
}

const writtenWithinMs = 1_000;
const pollMs = 20;
const faultsKept = 20;
/** What a constant message never holds: a UUID, a longer number, an address. */
const varying = /[0-9a-f]{8}-[0-9a-f]{4}-|\d{4,}|\d+\.\d+\.\d+\.\d+|https?:\/\//i;

export default defineGate<Facts>({
  id: 'logs/are-structured',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:logs', 'config:write'],
  covers: ['logs.structured'],
  unit: 'lines of the log',
  why: 'Whoever searches a log at night needs fields: a line of prose is found by nobody who does not know its words.',
  fix: 'Write every line through one logger: a JSON object with level, time and a constant message, data in fields, ids on child loggers.',
  source: 'https://12factor.net/logs',

  async observe(context) {
    const settings = partOf(context.config, 'logs');
    const replica = await context.sandbox.startReplica({});
    try {
      const atStart = linesOf(await readFile(replica.logFile, 'utf8')).length;
      const ids = await sendRequests(context, replica.url);
      const writeId = await write(context, replica.url);
      await untilWritten(replica.logFile, [...ids, writeId], context.signal);
      const askedToEndAtMs = Date.now();
      const exitCode = await replica.stop();
      const [own, shared] = await Promise.all([replica.logFile, context.sandbox.service.logFile].map(readLog));
      const [lines, records] = [own ?? [], (own ?? []).map(parsed)];
      const seen = new Set(records.map((record) => record?.[settings.requestId.field]));
      const all = [...lines, ...(shared ?? [])];
      const facts: Facts = {
        lines: all.length,
        faults: faultsOf(all, settings).slice(0, faultsKept),
        changing: changingMessages(all, settings),
        requests: ids.length,
        unseenRequests: ids.filter((id) => !seen.has(id)).length,
        writeFound: records.some((record) => record?.[settings.writeId] === writeId),
        atStop: records.filter((record) => timeOf(record?.[settings.time]) >= askedToEndAtMs).length,
        ...{ atStart, exitCode },
      };
      return { examined: all.length, facts };
    } finally {
      await replica.close();
    }
  },

  judge({ faults, changing, requests, unseenRequests, writeFound, atStart, atStop, exitCode }) {
    const findings: Finding[] = faults.map(({ line, fault }) => ({
      message: `line ${line} ${fault}`,
      identity: fault,
    }));
    for (const { message, times } of changing)
      findings.push({
        message: `"${message}" stands in ${times} lines: put what changes into fields`,
        identity: message,
      });
    if (unseenRequests > 0)
      findings.push({
        message: `${unseenRequests} of ${requests} requests left no line with their id`,
        identity: 'request ids',
      });
    if (!writeFound)
      findings.push({
        message: 'no line carries the id of what was written: it cannot be followed',
        identity: 'write id',
      });
    if (atStart === 0) findings.push({ message: 'nothing was logged when the process began' });
    if (atStop === 0)
      findings.push({
        message: `nothing was logged when the process was asked to end (exit code ${exitCode})`,
        identity: 'stop',
      });
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ faults: [{ line: 3, fault: 'is no JSON object' }] }),
      facts({ changing: [{ message: 'order 01234567-… placed', times: 2 }] }),
      facts({ unseenRequests: 1 }),
      facts({ writeFound: false }),
      facts({ atStart: 0 }),
      facts({ atStop: 0 }),
    ],
  },

  /** Somebody left a console.log where the process begins. Node is told by its environment, however the service is started. */
  async sabotage({ config }) {
    const { service } = config;
    const options = `${service.environment.NODE_OPTIONS ?? ''} --import=data:text/javascript,console.log('starting')`;
    config.service = { ...service, environment: { ...service.environment, NODE_OPTIONS: options.trim() } };
    return async () => {
      config.service = service;
    };
  },
});

type Settings = NonNullable<Config['logs']>;

/** Answers and refusals: what goes wrong is logged by other code than what goes well. */
async function sendRequests({ config, target, signal }: Context, url: string): Promise<string[]> {
  const { header } = partOf(config, 'logs').requestId;
  const { path } = partOf(config, 'write').request;
  const [key = ''] = target.credentials.writers;
  const requests: { request: HttpRequest; key?: string }[] = [
    { request: { method: 'GET', path: `${path}/${randomUUID()}` }, key },
    { request: { method: 'GET', path: `${path}/${randomUUID()}` }, key },
    { request: { method: 'POST', path, body: { nonsense: true } }, key },
    { request: { method: 'GET', path: `/${randomUUID()}` }, key },
    { request: { method: 'GET', path }, key: randomUUID() },
  ];
  const ids: string[] = [];
  for (const { request, ...rest } of requests) {
    const id = randomUUID();
    await send(url, request, { ...rest, headers: { [header]: id }, signal });
    ids.push(id);
  }
  return ids;
}

async function write({ config, target, signal }: Context, url: string): Promise<string> {
  const { request, idempotencyHeader, acceptedStatus, idField } = partOf(config, 'write');
  const headers = { [idempotencyHeader]: randomUUID() };
  const { status, text } = await send(url, request, { key: target.credentials.writers[0] ?? '', headers, signal });
  if (status !== acceptedStatus) throw new Error(`the write was answered ${status}: nothing is there to be followed`);
  return String((JSON.parse(text) as Record<string, unknown>)[idField]);
}

/** A line is written a moment after its answer. Whether all came is for the judge. */
async function untilWritten(file: string, ids: readonly string[], signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + writtenWithinMs;
  while (performance.now() < deadline) {
    const text = await readFile(file, 'utf8');
    if (ids.every((id) => text.includes(id))) return;
    await delay(pollMs, undefined, { signal });
  }
}

/** Milliseconds since 1970; NaN for what is no time. */
function timeOf(value: unknown): number {
  return typeof value === 'string' || typeof value === 'number' ? new Date(value).getTime() : Number.NaN;
}

async function readLog(file: string): Promise<string[]> {
  return linesOf(await readFile(file, 'utf8'));
}

/** What follows the last line break is still being written. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .slice(0, -1)
    .filter((line) => line !== '');
}

/** The object that a line is; undefined for anything else. */
function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    // What is no JSON is a fault, which the caller tells.
    return undefined;
  }
}

function faultsOf(lines: readonly string[], settings: Settings): Fault[] {
  return lines.flatMap((text, index) => {
    const record = parsed(text);
    const faults = record ? fieldFaults(record, settings) : ['is no JSON object'];
    return faults.map((fault) => ({ line: index + 1, fault }));
  });
}

function fieldFaults(record: Record<string, unknown>, { level, levels, time, message }: Settings): string[] {
  const [itsLevel, itsTime, itsMessage] = [record[level], record[time], record[message]];
  return [
    ...(levels.includes(String(itsLevel)) ? [] : [`has no ${level} that is one of ${levels.join(', ')}`]),
    ...(Number.isFinite(timeOf(itsTime)) ? [] : [`has no ${time} that is a time`]),
    ...(typeof itsMessage === 'string' && itsMessage !== '' ? [] : [`has no ${message}`]),
  ];
}

function changingMessages(lines: readonly string[], { message }: Settings): Facts['changing'] {
  const texts = lines.map((line) => parsed(line)?.[message]).filter((text) => typeof text === 'string');
  const byForm = Map.groupBy(
    texts.filter((text) => varying.test(text)),
    (text) => text.replace(/\d[\w.-]*/g, '…'),
  );
  return [...byForm].slice(0, faultsKept).map(([form, same]) => ({ message: form, times: same.length }));
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ lines: 20, faults: [], changing: [], requests: 5, unseenRequests: 0, writeFound: true },
    ...{ atStart: 1, atStop: 2, exitCode: 0 },
    ...change,
  };
}
