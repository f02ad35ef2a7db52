import { expect, it } from 'vitest';
import { trafficOf } from './process-metrics.ts';

it('adds up what every interface but the loopback has carried', () => {
  const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 900 9 0 0 0 0 0 0 900 9 0 0 0 0 0 0
  eth0: 1500 3 0 0 0 0 0 0 70 1 0 0 0 0 0 0
  eth1:500 3 0 0 0 0 0 0 30 1 0 0 0 0 0 0
`;
  expect(trafficOf(table)).toEqual({ received: 2000, sent: 100 });
  expect(trafficOf('')).toEqual({ received: 0, sent: 0 });
});
