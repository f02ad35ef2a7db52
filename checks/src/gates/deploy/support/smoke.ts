import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../../config.ts';
import type { Finding } from '../../../engine/gate.ts';
import { type HttpAnswer, send } from '../../../io/http.ts';

type Step = NonNullable<Config['smoke']>['steps'][number];

/** Keys by whom they belong to; one that is not there is an error of the step that needs it. */
export type SmokeKeys = { [Who in 'writer' | 'operator' | 'processor']?: string | undefined };

export interface SmokeFacts {
  url: string;
  /** In the order of the suite. A step after one whose capture failed is not tried. */
  steps: { name: string; asked: string; status: number | null; wrong: string[]; durationMs: number }[];
  untried: string[];
}

const retryEveryMs = 100;
/** Long enough to be refused for what it is, and nobody's. */
const strangersKey = 'A'.repeat(43);

/** Walks the whole suite against a service. @throws when a key is missing that a step needs. */
export async function walkSmokeSuite(
  config: Pick<Config, 'smoke' | 'write'>,
  url: string,
  keys: SmokeKeys,
  signal: AbortSignal,
): Promise<SmokeFacts> {
  const { steps } = partOf(config, 'smoke');
  const known = new Map([['unique', randomUUID()]]);
  const facts: SmokeFacts = { url, steps: [], untried: [] };
  for (const step of steps) {
    const unknown = unknownNames(step, known);
    if (unknown.length > 0) facts.untried.push(step.name);
    else facts.steps.push(await walk(step, { config, url, keys, signal, known }));
  }
  return facts;
}

interface Way {
  config: Pick<Config, 'write'>;
  url: string;
  keys: SmokeKeys;
  signal: AbortSignal;
  known: Map<string, string>;
}

async function walk(step: Step, way: Way): Promise<SmokeFacts['steps'][number]> {
  const startedAt = performance.now();
  const took = () => Math.round(performance.now() - startedAt);
  const asked = `${step.request.method} ${step.request.path}`;
  for (;;) {
    const answer = await ask(step, way);
    const wrong = answer === null ? ['no answer'] : faultsOf(step, answer, way.known);
    if (wrong.length === 0 || took() >= step.withinMs)
      return { name: step.name, asked, status: answer?.status ?? null, wrong, durationMs: took() };
    await delay(retryEveryMs, undefined, { signal: way.signal });
  }
}

async function ask(step: Step, { config, url, keys, signal, known }: Way): Promise<HttpAnswer | null> {
  const { idempotencyKey, as } = step;
  const key = as === 'nobody' ? undefined : as === 'stranger' ? strangersKey : keys[as];
  if (key === undefined && as !== 'nobody') throw new Error(`${step.name}: there is no key of the ${as}`);
  const header = config.write?.idempotencyHeader ?? 'Idempotency-Key';
  const headers = idempotencyKey === undefined ? {} : { [header]: fill(idempotencyKey, known) };
  try {
    return await send(url, filled(step.request, known), { ...(key === undefined ? {} : { key }), headers, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    return null;
  }
}

/** What is wrong with an answer, and, where nothing is, what it tells later steps. Values of answers are not repeated. */
function faultsOf(step: Step, { status, text }: HttpAnswer, known: Map<string, string>): string[] {
  if (!step.status.includes(status)) return [`it answered ${status}, and not ${step.status.join(' or ')}`];
  const places = [...Object.keys(step.expect), ...Object.values(step.capture)];
  const json = places.length === 0 ? undefined : parsed(text);
  if (json === null) return ['its answer is no JSON'];
  const wrong = Object.entries(step.expect).flatMap(([place, wanted]) => {
    const expected = typeof wanted === 'string' ? fill(wanted, known) : String(wanted);
    return valuesAt(json, place).some((value) => String(value) === expected) ? [] : [`${place} is not ${expected}`];
  });
  for (const [name, place] of Object.entries(step.capture)) {
    const [value] = valuesAt(json, place);
    if (value === undefined || value === null) wrong.push(`${place} is missing`);
    else if (wrong.length === 0) known.set(name, String(value));
  }
  return wrong;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** `items.*.id` → the id of each item. */
export function valuesAt(json: unknown, place: string): unknown[] {
  return place.split('.').reduce<unknown[]>(
    (values, name) =>
      values.flatMap((value) => {
        if (name === '*') return Array.isArray(value) ? value : [];
        if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return [];
        return [(value as Record<string, unknown>)[name]];
      }),
    [json],
  );
}

const placeholder = /\{(\w+)\}/g;

function fill(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(placeholder, (whole, name: string) => known.get(name) ?? whole);
}

function filled(request: Step['request'], known: ReadonlyMap<string, string>): Step['request'] {
  const { body, ...rest } = request;
  const path = request.path.replace(placeholder, (whole, name: string) => encodeURIComponent(known.get(name) ?? whole));
  if (body === undefined) return { ...rest, path };
  return { ...rest, path, body: JSON.parse(fill(JSON.stringify(body), known)) as Record<string, unknown> };
}

/** Names in a step that no step before it has captured. */
function unknownNames({ request, expect, idempotencyKey = '' }: Step, known: ReadonlyMap<string, string>): string[] {
  const text = [request.path, JSON.stringify(request.body ?? {}), idempotencyKey, JSON.stringify(expect)].join('\n');
  return [...text.matchAll(placeholder)].map(([, name = '']) => name).filter((name) => !known.has(name));
}

export function judgeSmokeSuite({ steps, untried }: SmokeFacts): Finding[] {
  return [
    ...steps
      .filter(({ wrong }) => wrong.length > 0)
      .map(({ name, asked, wrong }) => ({ message: `${name} (${asked}): ${wrong.join('; ')}`, identity: name })),
    ...untried.map((name) => ({
      message: `${name}: not tried, because what it needs did not come of an earlier step`,
      identity: name,
      fix: 'Mend the earlier step.',
    })),
  ];
}

const step = { name: 'an order is placed', asked: 'POST /orders', status: 201, wrong: [], durationMs: 12 };
const good: SmokeFacts = { url: 'http://127.0.0.1:3000', steps: [step], untried: [] };

export const smokeSamples: { good: SmokeFacts[]; bad: SmokeFacts[] } = {
  good: [good],
  bad: [
    { ...good, steps: [{ ...step, status: 500, wrong: ['it answered 500, and not 201'] }] },
    { ...good, steps: [{ ...step, status: null, wrong: ['no answer'] }] },
    { ...good, untried: ['the order is read'] },
  ],
};
