import { gate, type Item, planned } from '../item.ts';

/** Limits before every order. */
export const risk: readonly Item[] = [
  {
    id: 'risk.rules',
    severity: 'blocker',
    answer: planned('risk/denials-say-why'),
    asks: [
      'S1:25 **M1: Risk Service Integration**',
      'S1:49 **M9: Risk Service Implementation**',
      'S4:335 Position limits enforced in code',
      'S4:336 Daily trade limits enforced',
    ],
  },
  { id: 'risk.denial-reasons', severity: 'blocker', answer: planned('risk/denials-say-why'), asks: [] },
  { id: 'risk.denials-stored', severity: 'blocker', answer: planned('risk/denials-say-why'), asks: [] },
  {
    id: 'risk.concurrency',
    severity: 'blocker',
    answer: planned('risk/limits-hold-under-parallel-orders'),
    asks: ['S4:30 Cap gate concurrency (P1 #13)'],
  },
  { id: 'risk.limits-hold', severity: 'blocker', answer: planned('risk/limits-hold-under-parallel-orders'), asks: [] },
  {
    id: 'risk.active',
    severity: 'blocker',
    answer: gate('risk/target-denies'),
    asks: ['S2:445 Risk management active'],
  },
];
