import { expect, inject, test } from 'vitest';
import { findings, measureResting, RATIO_MAX, type RestingFigures } from '../bench/resting-orders.ts';

test('a cycle visits what triggers, not what rests: ten times the orders, the same rows', async () => {
  const url = inject('databaseAdminUrl');
  const small = await measureResting(url, 3_000);
  const large = await measureResting(url, 30_000);
  expect(findings(small, large)).toEqual([]);
  for (const plan of [large.custom, large.generic]) {
    // Each of the hundred is found, locked and updated.
    expect(plan.rows).toBe(3 * large.triggered);
  }
});

test('a plan whose cost follows what rests is told', () => {
  const plan = { rows: 300, buffers: 1000, timeMs: 1, scanned: [] };
  const figures: RestingFigures = {
    resting: 1,
    triggered: 100,
    custom: plan,
    generic: plan,
    cycleMs: 1,
    idleCycleMs: 1,
  };
  expect(findings(figures, figures)).toEqual([]);
  const wrong = [{ scanned: ['orders'] }, { rows: 300 * RATIO_MAX + 1 }, { buffers: 1000 * RATIO_MAX + 1 }];
  for (const change of wrong) {
    expect(findings(figures, { ...figures, custom: { ...plan, ...change } })).toHaveLength(1);
    expect(findings(figures, { ...figures, generic: { ...plan, ...change } })).toHaveLength(1);
  }
});
