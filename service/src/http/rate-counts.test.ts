import { describe, expect, it } from 'vitest';
import { localCounts, sharedCounts } from './rate-counts.ts';

const QUOTA = { limit: 2, windowMs: 60_000, backOffMaxMs: 200_000 };

function clock(startMs = 1_000_000) {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms;
    },
    left: (resetTime: Date | undefined) => (resetTime?.getTime() ?? 0) - nowMs,
  };
}

describe('localCounts', () => {
  it('counts in windows', async () => {
    const time = clock();
    const store = localCounts(QUOTA, time.now);
    expect(await store.increment('a')).toMatchObject({ totalHits: 1 });
    expect(await store.increment('a')).toMatchObject({ totalHits: 2 });
    expect(await store.increment('b')).toMatchObject({ totalHits: 1 });
    time.pass(60_000);
    expect(await store.increment('a')).toMatchObject({ totalHits: 1 });
  });

  it('doubles what is left with every violation after the first, up to the cap, and holds to it', async () => {
    const time = clock();
    const store = localCounts(QUOTA, time.now);
    await store.increment('a');
    await store.increment('a');
    const waits: number[] = [];
    for (let violation = 1; violation <= 4; violation += 1) {
      waits.push(time.left((await store.increment('a')).resetTime));
    }
    expect(waits).toEqual([60_000, 120_000, 200_000, 200_000]);
    // The window itself would long be over.
    time.pass(199_999);
    expect((await store.increment('a')).totalHits).toBe(7);
    time.pass(200_000);
    expect((await store.increment('a')).totalHits).toBe(1);
  });

  it('remembers a bounded number of clients, and forgets first whose time is over', async () => {
    const time = clock();
    const store = localCounts(QUOTA, time.now);
    for (let n = 0; n < 100_010; n += 1) await store.increment(`client-${n}`);
    expect(await store.increment('client-0')).toMatchObject({ totalHits: 1 });
    expect(await store.increment('client-100009')).toMatchObject({ totalHits: 2 });
  });
});

describe('sharedCounts without an answer from Redis', () => {
  it('counts alone, and leaves Redis alone for a second', async () => {
    const time = clock();
    let asked = 0;
    const send = async () => {
      asked += 1;
      throw new Error('gone');
    };
    const store = sharedCounts(QUOTA, 'test', send, time.now);
    for (const hits of [1, 2, 3]) expect((await store.increment('a')).totalHits).toBe(hits);
    expect(asked).toBe(1);
    time.pass(1000);
    expect((await store.increment('a')).totalHits).toBe(4);
    expect(asked).toBe(2);
  });

  it.each([[null], ['nonsense'], [[]]])('does not believe the answer %j', async (reply) => {
    const store = sharedCounts(QUOTA, 'test', async () => reply);
    expect((await store.increment('a')).totalHits).toBe(1);
  });
});
