import { type Item, planned } from '../item.ts';

/** Limits before every order. */
export const risk: readonly Item[] = [
  {
    id: 'risk.before-every-order',
    severity: 'blocker',
    answer: planned('risk/denials-say-why'),
    asks: ['S1:25 **M1: Risk Service Integration**'],
  },
  {
    id: 'risk.limits',
    severity: 'blocker',
    answer: planned('risk/limits-hold-under-parallel-orders'),
    asks: ['S1:49 **M9: Risk Service Implementation**', 'S4:335 Position limits enforced in code'],
  },
  {
    id: 'risk.active',
    severity: 'blocker',
    answer: planned('risk/denials-say-why'),
    asks: ['S2:445 Risk management active'],
  },
  {
    id: 'risk.concurrent-caps',
    severity: 'blocker',
    answer: planned('risk/limits-hold-under-parallel-orders'),
    asks: ['S4:30 Cap gate concurrency (P1 #13)'],
  },
  {
    id: 'risk.daily-limits',
    severity: 'blocker',
    answer: planned('risk/limits-hold-under-parallel-orders'),
    asks: ['S4:336 Daily trade limits enforced'],
  },
];
