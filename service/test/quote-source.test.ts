import { afterEach, expect, it } from 'vitest';
import { PROVIDER_BREAKER } from '../src/domain/provider-breaker.ts';
import { createQuoteSource, divergenceBps, type QuoteSourceOptions } from '../src/market-data/quote-source.ts';
import { quoting, refusing, startProvider, type TestProvider } from './support/quote-provider.ts';

const opened: TestProvider[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((provider) => provider.close()));
});

async function provider(answer: TestProvider['answer']): Promise<TestProvider> {
  const made = await startProvider(answer);
  opened.push(made);
  return made;
}

/** A source over these providers, first and second, whose clock stands where the test puts it. */
function sourceOf(urls: readonly string[], changes: Partial<QuoteSourceOptions> = {}) {
  const outcomes: string[] = [];
  const clock = {
    ...{ nowMs: Date.now(), elapsedMs: 0 },
    pass(ms: number) {
      clock.nowMs += ms;
      clock.elapsedMs += ms;
    },
  };
  const source = createQuoteSource({
    providers: urls.map((url, index) => ({ name: index === 0 ? 'first' : 'second', url })),
    ...{ timeoutMs: 300, maxAgeMs: 15_000, callsPerDay: 1_000 },
    onOutcome: (name, outcome) => outcomes.push(`${name} ${outcome}`),
    nowMs: () => clock.nowMs,
    elapsedMs: () => clock.elapsedMs,
    ...changes,
  });
  return { source, outcomes, clock };
}

it('takes the price from the first, and what the second says as a second opinion', async () => {
  const [one, two] = [await provider(quoting('99', '101')), await provider(quoting('99.1', '101.1'))];
  const { source, outcomes } = sourceOf([one.url, two.url]);
  const quotes = await source.quotes('BTC/USD');
  expect(quotes.map(({ source: name, bid }) => [name, bid])).toEqual([
    ['first', '99'],
    ['second', '99.1'],
  ]);
  expect(outcomes.toSorted()).toEqual(['first quoted', 'second quoted']);
  expect(one.asked).toEqual(['/quotes/BTC%2FUSD']);
});

it.each([
  ['refused', refusing(503)],
  ['rate-limited', refusing(429)],
  ['malformed', refusing(200, {}, '<html>')],
  ['malformed', refusing(200, {}, '{"bid":"101","ask":"99","asOf":"2026-01-05T15:00:00Z"}')],
  ['malformed', refusing(200, {}, JSON.stringify({ bid: '-1', ask: '1', asOf: '2026-01-05T15:00:00Z' }))],
  ['malformed', refusing(200, {}, 'x'.repeat(20_000))],
  ['stale', refusing(200, {}, '{"bid":"99","ask":"101","asOf":"2020-01-05T15:00:00Z"}')],
  ['stale', refusing(200, {}, '{"bid":"99","ask":"101","asOf":"2999-01-05T15:00:00Z"}')],
  ['timeout', () => undefined],
  ['unreachable', (response) => void response.socket?.destroy()],
] as const satisfies readonly (readonly [string, TestProvider['answer']])[])(
  'the second one prices while the first is %s',
  async (outcome, answer) => {
    const [one, two] = [await provider(answer), await provider(quoting('98', '102'))];
    const { source, outcomes } = sourceOf([one.url, two.url]);
    expect((await source.quotes('BTCUSDT')).map(({ source: name }) => name)).toEqual(['second']);
    expect(outcomes).toContain(`first ${outcome}`);
  },
);

it('leaves a provider alone after five failures, and tries it again after the pause', async () => {
  const one = await provider(refusing(500));
  const { source, outcomes, clock } = sourceOf([one.url], { maxAgeMs: 172_800_000 });
  for (let look = 0; look < 8; look += 1) await source.quotes('BTCUSDT');
  expect(one.asked).toHaveLength(5);
  expect(outcomes.slice(5)).toEqual(['first skipped', 'first skipped', 'first skipped']);
  one.answer = quoting('99', '101');
  clock.pass(PROVIDER_BREAKER.pauseMs);
  expect(await source.quotes('BTCUSDT')).toHaveLength(1);
});

it('a symbol that a provider does not know is no failure of it', async () => {
  const one = await provider(refusing(404));
  const { source } = sourceOf([one.url]);
  for (let look = 0; look < 8; look += 1) await source.quotes('NONE');
  expect(one.asked).toHaveLength(8);
});

it('waits as long as a provider asks for', async () => {
  const one = await provider(refusing(429, { 'retry-after': '60' }));
  const { source, clock } = sourceOf([one.url]);
  await source.quotes('BTCUSDT');
  clock.pass(59_000);
  await source.quotes('BTCUSDT');
  expect(one.asked).toHaveLength(1);
  clock.pass(1_000);
  await source.quotes('BTCUSDT');
  expect(one.asked).toHaveLength(2);
});

it('a clock that is set neither ends a pause nor begins one anew', async () => {
  const one = await provider(refusing(429, { 'retry-after': '60' }));
  const { source, clock } = sourceOf([one.url]);
  await source.quotes('BTCUSDT');
  clock.nowMs += 3_600_000;
  await source.quotes('BTCUSDT');
  expect(one.asked).toHaveLength(1);
  clock.nowMs -= 7_200_000;
  clock.pass(60_000);
  await source.quotes('BTCUSDT');
  expect(one.asked).toHaveLength(2);
});

it('makes no call beyond the budget of a day, and has a new one the day after', async () => {
  const one = await provider(quoting('99', '101'));
  const { source, outcomes, clock } = sourceOf([one.url], { callsPerDay: 3, maxAgeMs: 172_800_000 });
  for (let look = 0; look < 5; look += 1) await source.quotes('BTCUSDT');
  expect(one.asked).toHaveLength(3);
  expect(outcomes.slice(3)).toEqual(['first over-quota', 'first over-quota']);
  clock.pass(86_400_000);
  expect(await source.quotes('BTCUSDT')).toHaveLength(1);
});

it('a fault of ours is none of the provider', async () => {
  const fault = new TypeError('ours');
  const { source } = sourceOf(['http://127.0.0.1:1/{symbol}'], { fetchQuote: () => Promise.reject(fault) });
  await expect(source.quotes('BTCUSDT')).rejects.toBe(fault);
});

it('tells how far the middles lie apart', () => {
  const asOf = '2026-01-05T15:00:00Z';
  const quote = (bid: string, ask: string) => ({ bid, ask, asOf });
  expect(divergenceBps([])).toBe(0);
  expect(divergenceBps([quote('99', '101')])).toBe(0);
  expect(divergenceBps([quote('99', '101'), quote('99.1', '101.1')])).toBeCloseTo(10);
  expect(divergenceBps([quote('99', '101'), quote('100', '100'), quote('94', '96')])).toBeCloseTo(500);
});
