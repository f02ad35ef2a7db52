import type { KeyRole } from '../domain/api-key.ts';
import { HttpError } from './errors.ts';

/** An API key that was found, neither revoked nor expired. Operators' keys may have no account. */
export interface ApiKeyPrincipal {
  readonly kind: 'api-key';
  readonly keyId: string;
  readonly role: KeyRole;
  readonly accountId: string | null;
}

/** Who is asking. The account of an order is always the key's, never the body's. */
export type Principal = { readonly kind: 'anonymous' } | { readonly kind: 'order-processor' } | ApiKeyPrincipal;

/** `public` needs no key, `order-processor` the process key, a list any API key with one of these roles. */
export type Access = 'public' | 'order-processor' | readonly KeyRole[];

/** @throws HttpError `forbidden` when this principal may not use a route with this access. */
export function authorize(access: Access, principal: Principal): void {
  if (access === 'public') return;
  if (access === 'order-processor') {
    if (principal.kind === 'order-processor') return;
  } else if (principal.kind === 'api-key' && access.includes(principal.role)) return;
  throw new HttpError('forbidden');
}

/**
 * The key's account.
 * @throws HttpError `account_required` for a key that acts for no account.
 */
export function accountOf(principal: Principal): string {
  if (principal.kind === 'api-key' && principal.accountId !== null) return principal.accountId;
  throw new HttpError('account_required');
}

/** Roles that answer for all accounts: they may read what belongs to any. */
const OVERSEERS: readonly KeyRole[] = ['operator', 'admin'];

/** An account's id, or every account. */
export type ReadScope = string | 'all-accounts';

/**
 * What one thing, named by its id, may be read from: operators and admins read any account's, everybody else their own.
 * @throws HttpError `account_required`.
 */
export function readScopeOf(principal: Principal): ReadScope {
  if (principal.kind === 'api-key' && OVERSEERS.includes(principal.role)) return 'all-accounts';
  return accountOf(principal);
}

/**
 * Whose list is read: the one that an operator or admin names, else the key's own.
 * @throws HttpError `forbidden` when anybody else names an account, be it their own: whether it exists is not told.
 * `account_required` when nobody is named and the key has no account.
 */
export function readAccountOf(principal: Principal, named: string | undefined): string {
  if (named === undefined) return accountOf(principal);
  if (readScopeOf(principal) === 'all-accounts') return named;
  throw new HttpError('forbidden');
}

/** How the kill switch's record names who changed it. */
export function nameOf(principal: Principal): string {
  return principal.kind === 'api-key' ? `${principal.role}:${principal.keyId}` : principal.kind;
}
