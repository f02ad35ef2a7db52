import { expect, it } from 'vitest';
import { clientAddress } from './client-address.ts';

it.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:192.0.2.7', '192.0.2.7'],
  ['::ffff:c000:207', '192.0.2.7'],
  ['0:0:0:0:0:ffff:c000:0207', '192.0.2.7'],
  ['2001:db8:0:1234::1', '2001:db8:0:1200::/56'],
  ['2001:DB8:0:12ff:ffff::2', '2001:db8:0:1200::/56'],
  ['2001:0db8:0000:1300::1', '2001:db8:0:1300::/56'],
  ['fe80::1%eth0', 'fe80::/56'],
  ['::1', '::/56'],
  [' 10.0.0.1 ', '10.0.0.1'],
])('%s is counted as %s', (text, counted) => {
  expect(clientAddress(text)).toBe(counted);
});

it.each(['', 'unknown', '10.0.0.1:4711', '_hidden', '300.1.1.1', '2001:db8::1/64', "'; DROP TABLE x"])(
  '%j is no address',
  (text) => {
    expect(clientAddress(text)).toBeUndefined();
  },
);
