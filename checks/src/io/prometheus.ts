import { z } from 'zod';

/** One series of an answer. NaN and the infinities come as Prometheus says them: a division by nothing is one. */
export interface SeriesValue {
  labels: Record<string, string>;
  value: number;
}

const answerWithinMs = 30_000;
const envelope = z.discriminatedUnion('status', [
  z.looseObject({ status: z.literal('success'), data: z.unknown() }),
  z.looseObject({ status: z.literal('error'), error: z.string() }),
]);
const vector = z.object({
  resultType: z.literal('vector'),
  result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })),
});

/**
 * Asks Prometheus's HTTP API, https://prometheus.io/docs/prometheus/latest/querying/api/.
 * @throws when it gives no answer, or another one than success.
 */
export async function askApi(
  url: string,
  path: string,
  parameters: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<unknown> {
  const asked = `${url}/api/v1/${path}?${new URLSearchParams(parameters)}`;
  const response = await fetch(asked, { signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]) });
  const read = envelope.safeParse(await response.json().catch(() => undefined));
  if (!read.success) throw new Error(`${url} answered ${response.status} and nothing that Prometheus says`);
  if (read.data.status === 'error') throw new Error(`Prometheus refuses to answer: ${read.data.error}`);
  return read.data.data;
}

/** What an expression is now. Empty: it has no series, which is for the caller to judge. */
export async function queryPrometheus(url: string, expression: string, signal: AbortSignal): Promise<SeriesValue[]> {
  const { result } = vector.parse(await askApi(url, 'query', { query: expression }, signal));
  return result.map(({ metric, value: [, text] }) => ({ labels: metric, value: numberOf(text) }));
}

/** The one number that an expression is. @throws when there is none, because nothing was measured: that is no answer. */
export async function queryNumber(url: string, expression: string, signal: AbortSignal): Promise<number> {
  const [only, ...others] = await queryPrometheus(url, expression, signal);
  if (only === undefined || Number.isNaN(only.value)) throw new Error(`nothing was measured: ${expression} is empty`);
  if (others.length > 0) throw new Error(`${expression} is ${others.length + 1} series, and one is wanted`);
  return only.value;
}

function numberOf(text: string): number {
  if (text === '+Inf' || text === '-Inf') return text === '+Inf' ? Infinity : -Infinity;
  return Number(text);
}
