import { expect, test } from 'vitest';
import { freePorts } from '../src/sandbox/server.ts';

test('ports are all different, and none is of those that systems give to connections', async () => {
  const ports = (await Promise.all(Array.from({ length: 20 }, () => freePorts(10)))).flat();
  expect(new Set(ports).size).toBe(200);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(15_000);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});
