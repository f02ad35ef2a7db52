import { expect, test } from 'vitest';
import { runChaos } from './support/chaos.ts';
import { hasRedis } from './support/redis.ts';

const DURATION_MS = 20_000;
const SEED = 20_260_101;

/** The short form of `node service/bench/chaos-audit.ts`. */
test('after a random workload with kills of the service, PostgreSQL and Redis all invariants hold', async () => {
  const { faults, acknowledged, lost, differing, audit, answers } = await runChaos(DURATION_MS, SEED);
  expect(audit.invariants.filter(({ violations }) => violations > 0)).toEqual([]);
  expect({ ok: audit.ok, lost, differing }).toEqual({ ok: true, lost: [], differing: [] });
  // It proved something: there were fills and cancels, and the kills struck while work was in flight.
  const looksAt = new Map(audit.invariants.map((each) => [each.name, each.looksAt]));
  for (const name of [
    'a fill is booked once, and one event tells of it',
    'an order that has ended holds nothing back',
  ]) {
    expect([name, looksAt.get(name)]).toEqual([name, expect.any(Number)]);
    expect(looksAt.get(name)).toBeGreaterThan(10);
  }
  // And no invariant held only because there was nothing that it is about.
  expect(audit.invariants.filter(({ looksAt }) => looksAt === 0).map(({ name }) => name)).toEqual([]);
  expect(acknowledged).toBeGreaterThan(50);
  for (const kind of ['service', 'postgresql', ...(hasRedis ? (['redis'] as const) : [])] as const) {
    expect([kind, faults[kind].times > 0]).toEqual([kind, true]);
  }
  expect(faults.service.inFlight + faults.postgresql.inFlight).toBeGreaterThan(0);
  // Nothing that was asked for is a reason for the service to fail in a way that it does not know.
  expect(Object.keys(answers).filter((what) => what.includes(' internal'))).toEqual([]);
}, 180_000);
