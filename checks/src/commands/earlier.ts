import type { Check } from '../engine/gate.ts';
import type { CheckResult } from '../engine/report.ts';
import { takeUp } from '../evidence/take-up.ts';
import type { Streams } from './terminal.ts';
import { policyOf } from './verify.ts';

export interface EarlierFlags {
  config: string;
  /** An evidence directory. */
  from?: string;
  maxAge: number;
  long: boolean;
}

/** What `--from` spares this run, by id. Evidence that is not accepted spares nothing, and the reasons are said. */
export async function earlierResults(
  root: string,
  checks: readonly Check[],
  { from, config, maxAge, long }: EarlierFlags,
  { stderr }: Streams,
): Promise<ReadonlyMap<string, CheckResult>> {
  if (from === undefined) return new Map();
  const policy = await policyOf(root, { config, maxAge, profile: 'static' });
  const { results, refusals } = await takeUp(from, checks, policy, long);
  for (const refusal of refusals) stderr.write(`${from} is not taken up: ${refusal}\n`);
  if (refusals.length === 0) stderr.write(`${results.size} of ${checks.length} results taken up from ${from}\n`);
  return results;
}
