import { gate, type Item } from '../item.ts';

/** What was done, by whom, provably. */
export const audit: readonly Item[] = [
  {
    id: 'audit.executions-recorded',
    severity: 'blocker',
    answer: gate('audit/every-transition-is-recorded'),
    asks: ['S0:146 Verify all order executions are logged'],
  },
  {
    id: 'audit.records-complete',
    severity: 'blocker',
    answer: gate('audit/every-transition-is-recorded'),
    asks: ['S0:147 Confirm transaction records are complete', 'S0:148 Test audit trail completeness'],
  },
  {
    id: 'audit.order-events',
    severity: 'blocker',
    answer: gate('audit/every-transition-is-recorded'),
    asks: ['S1:17 Audit trail via `order_events` table', 'S4:337 Audit trail for all trades (in database)'],
  },
  {
    id: 'audit.kept',
    severity: 'blocker',
    answer: gate('audit/records-cannot-be-changed'),
    asks: ['S2:200 Audit log collection and retention'],
  },
  {
    id: 'audit.operational',
    severity: 'blocker',
    answer: gate('deploy/smoke-tests-pass', 'audit/every-transition-is-recorded'),
    asks: ['S2:441 Audit logging operational'],
  },
];
