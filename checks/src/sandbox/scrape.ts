import { partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { type Family, parseExposition } from '../io/exposition.ts';
import { fillPlaceholders } from './service.ts';

const answerWithinMs = 5_000;

/** What a process of the service tells whoever scrapes it. @throws when it does not answer 200 in the text format. */
export async function scrape(
  { config, signal }: Pick<Context, 'config' | 'signal'>,
  process: { url: string; metricsUrl: string },
): Promise<Family[]> {
  const { url, metricsUrl } = process;
  const { address = '' } = fillPlaceholders({ address: partOf(config, 'metrics').url }, { url, metricsUrl });
  const limit = AbortSignal.timeout(answerWithinMs);
  const response = await fetch(address, { signal: AbortSignal.any([signal, limit]) });
  if (!response.ok) throw new Error(`the scrape was answered ${response.status}`);
  return parseExposition(await response.text());
}
