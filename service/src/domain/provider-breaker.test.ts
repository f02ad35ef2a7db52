import { expect, it } from 'vitest';
import {
  afterAnswer,
  afterNoAnswer,
  mayAsk,
  PROVIDER_BREAKER,
  PROVIDER_TRUSTED,
  type ProviderBreaker,
} from './provider-breaker.ts';

function afterFailures(...atMs: number[]): ProviderBreaker {
  return atMs.reduce((breaker, at) => afterNoAnswer(breaker, PROVIDER_BREAKER, at), PROVIDER_TRUSTED);
}
const answers = (breaker: ProviderBreaker, count: number): ProviderBreaker =>
  Array.from({ length: count }).reduce<ProviderBreaker>((at) => afterAnswer(at, PROVIDER_BREAKER), breaker);

it('opens at the fifth failure within a minute, for 30 seconds', () => {
  expect(mayAsk(afterFailures(0, 1, 2, 3), 4)).toBe(true);
  const open = afterFailures(0, 1, 2, 3, 4);
  expect(mayAsk(open, 30_003)).toBe(false);
  expect(mayAsk(open, 30_004)).toBe(true);
});

it('stays closed when five failures take longer than a minute', () => {
  expect(mayAsk(afterFailures(0, 15_000, 30_000, 45_000, 60_001), 60_002)).toBe(true);
});

it('closes after three answers while half-open: then five failures are needed again', () => {
  const halfOpen = afterFailures(0, 1, 2, 3, 4);
  expect(answers(halfOpen, 2).openUntilMs).not.toBeNull();
  expect(answers(halfOpen, 3)).toEqual(PROVIDER_TRUSTED);
});

it('opens again at the first failure while half-open, and forgets the answers before it', () => {
  const again = afterNoAnswer(answers(afterFailures(0, 1, 2, 3, 4), 2), PROVIDER_BREAKER, 40_000);
  expect(mayAsk(again, 69_999)).toBe(false);
  expect(answers(again, 2).openUntilMs).not.toBeNull();
});
