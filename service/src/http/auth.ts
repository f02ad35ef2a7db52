import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { Identification, Presented } from '../access/identify-key.ts';
import { HttpError } from './errors.ts';
import { addressOf } from './limits.ts';
import type { Principal } from './principal.ts';
import { type RequestState, stateOf } from './request-state.ts';

/** What became of a presented credential that was not let in. `locked`: this one was the last that was looked at. */
export type AuthFailure = 'unknown' | 'locked' | 'refused-while-locked';

export interface AuthOptions {
  readonly orderProcessingApiKey: string;
  /** Accepted beside it while the key is being rotated. */
  readonly nextOrderProcessingApiKey?: string | null;
  /** Decides about an API key and counts what is refused. Rejects when the database cannot be asked. */
  readonly identifyKey: (presented: Presented) => Promise<Identification>;
  readonly countAuthFailure: (failure: AuthFailure) => void;
}

/** Longer credentials than any that were ever issued are not even hashed. */
const CREDENTIAL_LENGTH_MAX = 256;
const BEARER_PATTERN = /^Bearer +([\x21-\x7e]+)$/i;

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unauthenticated(message: string): HttpError {
  return new HttpError('unauthenticated', { message });
}

/** The credential, or nothing when the header is not of its form. */
function bearerOf(header: string): string {
  const credential = BEARER_PATTERN.exec(header)?.[1] ?? '';
  return credential.length > CREDENTIAL_LENGTH_MAX ? '' : credential;
}

/** The error for an API key that is not let in; a new lockout is told to whoever reads the log. */
function refusal(
  identified: Exclude<Identification, { kind: 'known' }>,
  presented: Presented,
  state: RequestState,
  count: AuthOptions['countAuthFailure'],
): HttpError {
  if (identified.kind === 'locked-out') {
    count('refused-while-locked');
    return new HttpError('locked_out', { retryAfterSeconds: identified.retryAfterSeconds });
  }
  for (const what of identified.locks) state.log.warn({ address: presented.address, what }, 'Locked out');
  count(identified.locks.length > 0 ? 'locked' : 'unknown');
  if (presented.credential === '') {
    return unauthenticated('The Authorization header is not of the form: Bearer <key>');
  }
  return unauthenticated('This key is not known, has expired or was revoked.');
}

/**
 * Puts who is asking into the request's state. Everything mounted behind it needs a key. A request without any
 * credential is told how to send one and counts as nothing: it guesses at nothing.
 *
 * The process key is not asked for lockouts: schedulers often share their address with strangers, whose guesses must not
 * stop the processing of orders, and GET process-orders has to answer while the database is gone.
 *
 * @throws HttpError `unauthenticated`, `locked_out`; what `identifyKey` throws.
 */
export function authenticate(options: AuthOptions): RequestHandler {
  const next = options.nextOrderProcessingApiKey ?? null;
  const processorDigests = [options.orderProcessingApiKey, ...(next === null ? [] : [next])].map(sha256);
  const identify = async (presented: Presented, state: RequestState): Promise<Principal> => {
    const digest = sha256(presented.credential);
    // Digests are of equal length whatever was sent, and each is compared, so that every guess takes the same time.
    if (processorDigests.map((known) => timingSafeEqual(digest, known)).includes(true))
      return { kind: 'order-processor' };
    const identified = await options.identifyKey(presented);
    if (identified.kind === 'known') return { kind: 'api-key', ...identified.key };
    throw refusal(identified, presented, state, options.countAuthFailure);
  };
  return async (request, response, next) => {
    const header = request.get('authorization');
    if (header === undefined) throw unauthenticated('Send your key as: Authorization: Bearer <key>');
    const state = stateOf(response);
    state.principal = await identify({ credential: bearerOf(header), address: addressOf(request) }, state);
    next();
  };
}
