import { type Item, notApplicable } from '../item.ts';
import { NO_HISTORY, NO_QUESTDB } from '../reasons.ts';

/** The time-series store of another system, and the move into it. */
export const dataStore: readonly Item[] = [
  {
    id: 'data-store.provisioned',
    severity: 'advisory',
    answer: notApplicable(NO_QUESTDB),
    asks: ['S3:37 Deploy QuestDB (4 CPU cores, 16GB RAM, 500GB SSD)'],
  },
  {
    id: 'data-store.export',
    severity: 'advisory',
    answer: notApplicable(NO_HISTORY),
    asks: ['S3:386 Export data from v2.5 TimescaleDB (4100+ records)'],
  },
  {
    id: 'data-store.import',
    severity: 'advisory',
    answer: notApplicable(NO_HISTORY),
    asks: ['S3:387 Import to v2.6 QuestDB'],
  },
  {
    id: 'data-store.integrity',
    severity: 'advisory',
    answer: notApplicable(NO_HISTORY),
    asks: ['S3:388 Validate data integrity'],
  },
  {
    id: 'data-store.nothing-lost',
    severity: 'advisory',
    answer: notApplicable(NO_HISTORY),
    asks: ['S3:389 Verify no data loss'],
  },
  {
    id: 'data-store.documented',
    severity: 'advisory',
    answer: notApplicable(NO_HISTORY),
    asks: ['S3:390 Update documentation'],
  },
];
