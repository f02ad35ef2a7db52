import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { HttpError } from './errors.ts';
import type { ApiKeyPrincipal, Principal } from './principal.ts';
import { stateOf } from './request-state.ts';

/** Finds a usable API key by the SHA-256 of the presented key; undefined when unknown, revoked or expired. */
export type FindApiKey = (digest: Buffer) => Promise<Omit<ApiKeyPrincipal, 'kind'> | undefined>;

export interface AuthOptions {
  readonly orderProcessingApiKey: string;
  readonly findApiKey: FindApiKey;
}

/** Longer credentials than any that were ever issued are not even hashed. */
const CREDENTIAL_LENGTH_MAX = 256;
const BEARER_PATTERN = /^Bearer +([\x21-\x7e]+)$/i;
/** Only what looks like one of our keys is worth a round trip to the database. */
const API_KEY_PATTERN = /^pk_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$/;

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unauthenticated(message: string): HttpError {
  return new HttpError('unauthenticated', { message });
}

function bearerOf(header: string | undefined): string {
  if (header === undefined) throw unauthenticated('Send your key as: Authorization: Bearer <key>');
  const credential = BEARER_PATTERN.exec(header)?.[1];
  if (credential === undefined || credential.length > CREDENTIAL_LENGTH_MAX) {
    throw unauthenticated('The Authorization header is not of the form: Bearer <key>');
  }
  return credential;
}

/**
 * Puts who is asking into the request's state. Everything mounted behind it needs a key.
 * @throws HttpError `unauthenticated`; what the key lookup throws, when the database cannot be asked.
 */
export function authenticate(options: AuthOptions): RequestHandler {
  const processorDigest = sha256(options.orderProcessingApiKey);
  const identify = async (credential: string): Promise<Principal> => {
    const digest = sha256(credential);
    // Digests are of equal length whatever was sent, so the comparison takes the same time for every guess.
    if (timingSafeEqual(digest, processorDigest)) return { kind: 'order-processor' };
    const found = API_KEY_PATTERN.test(credential) ? await options.findApiKey(digest) : undefined;
    if (found === undefined) throw unauthenticated('This key is not known, has expired or was revoked.');
    return { kind: 'api-key', ...found };
  };
  return async (request, response, next) => {
    stateOf(response).principal = await identify(bearerOf(request.get('authorization')));
    next();
  };
}
