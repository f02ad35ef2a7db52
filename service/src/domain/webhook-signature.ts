import { createHmac } from 'node:crypto';

/** The header of a signed delivery, in lower case. */
export const SIGNATURE_HEADER = 'webhook-signature';

/**
 * `t=<seconds>,v1=<hex>`: HMAC-SHA256 over `<seconds>.<body>`, so that neither the body nor its time can be changed, and
 * an old delivery cannot be played again by somebody who has kept it. The scheme is Stripe's:
 * https://docs.stripe.com/webhooks#verify-manually
 *
 * @param atSeconds Unix time of the try, not of the event.
 */
export function signWebhook(body: string, secret: string, atSeconds: number): string {
  const signature = createHmac('sha256', secret).update(`${atSeconds}.${body}`).digest('hex');
  return `t=${atSeconds},v1=${signature}`;
}
