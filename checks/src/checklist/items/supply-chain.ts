import { gate, type Item } from '../item.ts';

/** What others wrote and we run. */
export const supplyChain: readonly Item[] = [
  {
    id: 'supply-chain.up-to-date',
    severity: 'advisory',
    answer: gate('supply-chain/dependencies-are-recent'),
    asks: ['S2:42 Dependencies updated to latest stable versions'],
  },
  {
    id: 'supply-chain.vulnerabilities',
    severity: 'blocker',
    answer: gate('supply-chain/no-known-vulnerability'),
    asks: [
      'S2:103 Vulnerability assessment tools integrated',
      'S4:249 Security audit: `npm audit` shows 0 high/critical',
    ],
  },
  {
    id: 'supply-chain.pinned',
    severity: 'blocker',
    answer: gate('supply-chain/dependencies-are-pinned'),
    asks: [
      'S4:246 **Dependencies pinned**',
      'S4:247 No `^` or `~` in package.json versions',
      'S4:248 Lock files committed (package-lock.json, yarn.lock)',
    ],
  },
  {
    id: 'supply-chain.scan',
    severity: 'blocker',
    answer: gate('supply-chain/no-known-vulnerability', 'secrets/no-secret-in-tree', 'secrets/no-secret-in-history'),
    asks: ['S4:370 Security scan passed'],
  },
];
