import { isIP } from 'node:net';
import { ipKeyGenerator } from 'express-rate-limit';

/** One household or server usually holds a whole /56; a finer key would hand out 256 quotas and more. */
const IPV6_SUBNET_BITS = 56;

/**
 * The one spelling under which a client's address is counted and locked: an IPv4 address (also when it came mapped into
 * IPv6, in either notation), or the /56 network of an IPv6 address. Undefined for text that is no address.
 */
export function clientAddress(text: string): string | undefined {
  const [address = ''] = text.trim().toLowerCase().split('%');
  return isIP(address) === 0 ? undefined : ipKeyGenerator(address, IPV6_SUBNET_BITS);
}
