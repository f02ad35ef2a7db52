import { gate, type Item, signOff } from '../item.ts';

/** What is written down for those who come later. */
export const documentation: readonly Item[] = [
  {
    id: 'documentation.api',
    severity: 'warning',
    answer: gate('http/contract-is-kept', 'http/every-endpoint-needs-a-key'),
    asks: ['S0:132 Document API endpoint usage and authentication', 'S4:302 **API documentation**'],
  },
  {
    id: 'documentation.architecture',
    severity: 'advisory',
    answer: gate('documentation/readme-is-whole'),
    asks: ['S0:135 Create system architecture diagram'],
  },
  {
    id: 'documentation.users',
    severity: 'advisory',
    answer: signOff('product', 180, 'The address of the page that tells users how and when an order executes.'),
    asks: ['S0:141 Create user documentation for order execution behavior'],
  },
  {
    id: 'documentation.risk',
    severity: 'warning',
    answer: signOff(
      'risk',
      180,
      'The page on limits, the kill switch and what each denial means, reviewed by the risk officer.',
    ),
    asks: ['S0:154 Document risk management features'],
  },
  {
    id: 'documentation.cache-invalidation',
    severity: 'advisory',
    answer: signOff(
      'engineering',
      180,
      'The page that says for each cache how old an entry may be and what empties it.',
    ),
    asks: ['S2:147 Cache invalidation policies documented'],
  },
  {
    id: 'documentation.market-data-failover',
    severity: 'warning',
    answer: signOff(
      'engineering',
      180,
      'The page that says in which order providers are asked, and what happens when they disagree.',
    ),
    asks: ['S3:108 Document failover behavior'],
  },
  {
    id: 'documentation.okx',
    severity: 'advisory',
    answer: signOff('engineering', 180, "The page on how OKX's API is used and how its errors are read."),
    asks: ['S3:235 Document API usage'],
  },
  {
    id: 'documentation.kraken',
    severity: 'advisory',
    answer: signOff('engineering', 180, "The page on how Kraken's API is used and how its errors are read."),
    asks: ['S3:251 Document API usage'],
  },
  {
    id: 'documentation.coinbase',
    severity: 'advisory',
    answer: signOff('engineering', 180, "The page on how Coinbase's API is used and how its errors are read."),
    asks: ['S3:266 Document API usage'],
  },
  {
    id: 'documentation.readme',
    severity: 'advisory',
    answer: gate('documentation/readme-is-whole'),
    asks: ['S4:291 **README.md updated**'],
  },
];
