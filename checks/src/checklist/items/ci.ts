import { gate, type Item } from '../item.ts';

/** Workflows that build and release. */
export const ci: readonly Item[] = [
  {
    id: 'ci.workflows.valid',
    severity: 'blocker',
    answer: gate('ci/workflows-are-valid'),
    asks: [],
  },
  {
    id: 'ci.deployment.gated',
    severity: 'blocker',
    answer: gate('ci/workflows-are-valid'),
    asks: [],
  },
];
