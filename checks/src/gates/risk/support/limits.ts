import { randomUUID } from 'node:crypto';
import { type Config, partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import { type HttpAnswer, type HttpRequest, send } from '../../../io/http.ts';

/** The account whose limits the gates change. */
export interface LimitedAccount {
  key: string;
  account: string;
}

/** @throws when the seed has none: without it there is nobody whose limits a gate may change. */
export function limitedAccount({ target }: Pick<Context, 'target'>): LimitedAccount {
  const { limited } = target.credentials;
  if (!limited) throw new Error('database.credentials in preflight.config.ts names no limited account');
  return limited;
}

/** The configured change of limits with those of one case; `{account}` and `{limit}` are filled in. */
export function limitsRequest(
  config: Pick<Config, 'risk'>,
  limits: Record<string, unknown>,
  values: { account: string; limit?: number },
): HttpRequest {
  const { setLimits } = partOf(config, 'risk');
  const filled = Object.entries({ ...setLimits.body, ...limits }).map(([name, value]) => [name, fill(value, values)]);
  return { ...setLimits, body: Object.fromEntries(filled) };
}

function fill(value: unknown, { account, limit }: { account: string; limit?: number }): unknown {
  if (value === '{account}') return account;
  return value === '{limit}' ? limit : value;
}

/** @throws when the target does not take it: what follows would judge other limits. */
export async function setLimits(context: Context, limits: Record<string, unknown>, limit?: number): Promise<void> {
  const { account } = limitedAccount(context);
  const request = limitsRequest(context.config, limits, limit === undefined ? { account } : { account, limit });
  const { key, signal } = { key: context.target.credentials.operator, signal: context.signal };
  const { status, text } = await send(context.target.url, request, { key, signal });
  if (status < 200 || status > 299) {
    throw new Error(`${request.method} ${request.path} answered ${status}: ${text.slice(0, 200)}`);
  }
}

/** Makes the configured write for the limited account, with what `changes` says. Null: there was no answer. */
export async function writeAsLimited(
  context: Context,
  changes: Record<string, unknown> = {},
  idempotencyKey: string = randomUUID(),
): Promise<HttpAnswer | null> {
  const { request, idempotencyHeader } = partOf(context.config, 'write');
  const { key } = limitedAccount(context);
  const changed = { ...request, body: { ...request.body, ...changes } };
  try {
    return await send(context.target.url, changed, { key, headers: { [idempotencyHeader]: idempotencyKey } });
  } catch {
    // No answer is a fact for the judge.
    return null;
  }
}
