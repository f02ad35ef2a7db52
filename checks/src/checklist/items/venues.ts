import { type Item, notApplicable, planned, signOff } from '../item.ts';
import { SPOT_ONLY } from '../reasons.ts';

/** Exchanges and brokers. */
export const venues: readonly Item[] = [
  {
    id: 'venues.placement',
    severity: 'blocker',
    answer: planned('venues/orders-reach-the-venue'),
    asks: ['S1:31 **M2: Exchange Adapter Integration**'],
  },
  {
    id: 'venues.connection-pools',
    severity: 'advisory',
    answer: planned('venues/calls-are-bounded'),
    asks: ['S2:164 Connection pool sizes optimized for broker APIs'],
  },
  {
    id: 'venues.timeouts',
    severity: 'blocker',
    answer: planned('venues/calls-are-bounded'),
    asks: [
      'S2:165 Connection timeout settings tuned (trading: 5-10 seconds)',
      'S4:112 Timeout: 10 seconds per request',
    ],
  },
  {
    id: 'venues.retries',
    severity: 'blocker',
    answer: planned('venues/calls-are-bounded'),
    asks: ['S2:167 Connection retry policies implemented'],
  },
  {
    id: 'venues.reachable',
    severity: 'blocker',
    answer: planned('venues/are-reachable'),
    asks: ['S2:425 Third-party integrations operational'],
  },
  {
    id: 'venues.okx.adapter',
    severity: 'advisory',
    answer: planned('venues/okx-adapter-is-understood'),
    asks: ['S3:229 Implement `IOkxBroker : IBroker`'],
  },
  {
    id: 'venues.okx.spot',
    severity: 'advisory',
    answer: planned('venues/okx-adapter-is-understood'),
    asks: ['S3:230 Add spot trading support'],
  },
  {
    id: 'venues.futures',
    severity: 'advisory',
    answer: notApplicable(SPOT_ONLY),
    asks: ['S3:231 Add futures trading support'],
  },
  {
    id: 'venues.leverage',
    severity: 'advisory',
    answer: notApplicable(SPOT_ONLY),
    asks: ['S3:232 Add leverage support'],
  },
  {
    id: 'venues.okx.sandbox',
    severity: 'advisory',
    answer: signOff('engineering', 90, "The log of an order that was placed and canceled on OKX's demo trading."),
    asks: ['S3:233 Test on OKX testnet'],
  },
  {
    id: 'venues.okx.tests',
    severity: 'advisory',
    answer: planned('venues/okx-adapter-is-understood'),
    asks: ['S3:234 Add integration tests'],
  },
  {
    id: 'venues.kraken.adapter',
    severity: 'advisory',
    answer: planned('venues/kraken-adapter-is-understood'),
    asks: ['S3:245 Implement `IKrakenBroker : IBroker`'],
  },
  {
    id: 'venues.kraken.spot',
    severity: 'advisory',
    answer: planned('venues/kraken-adapter-is-understood'),
    asks: ['S3:246 Add spot trading support'],
  },
  {
    id: 'venues.margin',
    severity: 'advisory',
    answer: notApplicable(SPOT_ONLY),
    asks: ['S3:247 Add margin trading support'],
  },
  {
    id: 'venues.staking',
    severity: 'advisory',
    answer: notApplicable(SPOT_ONLY),
    asks: ['S3:248 Add staking integration', 'S3:263 Add staking rewards tracking'],
  },
  {
    id: 'venues.kraken.sandbox',
    severity: 'advisory',
    answer: signOff(
      'engineering',
      90,
      'The log of an order that Kraken validated and did not place (validate=true), for want of a spot sandbox.',
    ),
    asks: ['S3:249 Test on Kraken sandbox'],
  },
  {
    id: 'venues.kraken.tests',
    severity: 'advisory',
    answer: planned('venues/kraken-adapter-is-understood'),
    asks: ['S3:250 Add integration tests'],
  },
  {
    id: 'venues.coinbase.adapter',
    severity: 'advisory',
    answer: planned('venues/coinbase-adapter-is-understood'),
    asks: ['S3:261 Implement `ICoinbaseBroker : IBroker`'],
  },
  {
    id: 'venues.coinbase.spot',
    severity: 'advisory',
    answer: planned('venues/coinbase-adapter-is-understood'),
    asks: ['S3:262 Add Coinbase Advanced Trade API'],
  },
  {
    id: 'venues.coinbase.sandbox',
    severity: 'advisory',
    answer: signOff('engineering', 90, "The log of an order that was placed and canceled on Coinbase's sandbox."),
    asks: ['S3:264 Test on Coinbase sandbox'],
  },
  {
    id: 'venues.coinbase.tests',
    severity: 'advisory',
    answer: planned('venues/coinbase-adapter-is-understood'),
    asks: ['S3:265 Add integration tests'],
  },
  {
    id: 'venues.external-calls',
    severity: 'blocker',
    answer: planned('venues/calls-are-bounded'),
    asks: [
      'S4:108 **All external API calls have retry logic**',
      'S4:109 Jupiter API: 3 retries with exponential backoff',
      'S4:110 Tradier API: 3 retries',
      'S4:111 Nebula API: 3 retries',
    ],
  },
];
