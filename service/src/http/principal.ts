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

/** How the kill switch's record names who changed it. */
export function nameOf(principal: Principal): string {
  return principal.kind === 'api-key' ? `${principal.role}:${principal.keyId}` : principal.kind;
}
