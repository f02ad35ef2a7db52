import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KILL_SWITCH_STATES } from './kill-switch.ts';
import {
  firstSentinel,
  nextStep,
  positionOf,
  REDIS_AUTHOR,
  REDIS_TROUBLE,
  type RedisMemory,
  readSwitch,
  type SwitchRecord,
  writeSentinel,
  writeSwitch,
} from './kill-switch-redis.ts';

const SEED = '{"active":true,"reason":"manual","activatedAt":"2026-11-20T10:00:00Z","activatedBy":"ops"}';

const record = (changes: Partial<SwitchRecord> = {}): SwitchRecord => ({
  state: 'ACTIVE',
  reason: 'r',
  changedBy: 'b',
  changedAt: '2026-11-20T10:00:00.000000Z',
  version: 5,
  mirrored: true,
  ...changes,
});
const memory = (key: string | null, sentinel: string | null, changes: Partial<RedisMemory> = {}): RedisMemory => ({
  key,
  sentinel,
  forgets: null,
  evictions: 0,
  evictsNothing: true,
  ...changes,
});
const sentinel = (version: number, key: string | null, evictions = 0) => writeSentinel({ version, key, evictions });

describe('what an operator wrote', () => {
  it("is read from the runbook's own JSON", () => {
    expect(readSwitch(SEED)).toEqual({
      state: 'HALTED',
      reason: 'manual',
      changedBy: 'ops',
      statedAt: '2026-11-20T10:00:00.000000Z',
    });
  });

  it('is REDUCING only in that very word', () => {
    expect(readSwitch('{"active":true,"state":"REDUCING"}').state).toBe('REDUCING');
    expect(readSwitch('{"active":true,"state":"ACTIVE"}').state).toBe('HALTED');
  });

  it.each(['', '{', 'null', '[]', '"x"', '1', '{}', '{"active":"false"}', '{"active":0}', '{"active":null}'])(
    'is engaged when it cannot be understood: %s',
    (text) => expect(readSwitch(text).state).toBe('HALTED'),
  );

  it('is cleared by its absence, or by saying so', () => {
    expect([readSwitch(null).state, readSwitch('{"active":false}').state]).toEqual(['ACTIVE', 'ACTIVE']);
  });

  it('always fits the table, whatever was typed', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(900)), fc.jsonValue());
    fc.assert(
      fc.property(value, value, value, (reason, activatedBy, activatedAt) => {
        const read = readSwitch(JSON.stringify({ active: true, reason, activatedBy, activatedAt }));
        expect([...read.reason].length).toBeGreaterThan(0);
        expect([...read.reason].length).toBeLessThanOrEqual(500);
        expect([...read.changedBy].length).toBeLessThanOrEqual(200);
        expect(read.reason + read.changedBy).not.toMatch(/\p{Cc}/u);
        expect(read.statedAt ?? '2026-').toMatch(/^\d{4}-/);
      }),
      { numRuns: 300 },
    );
    expect(readSwitch('{"active":true,"activatedAt":"+270000-01-01T00:00:00Z"}').statedAt).toBeNull();
  });
});

describe('what Redis says by itself', () => {
  it.each([
    ['nothing, and it remembers', null, sentinel(1, null), 'ACTIVE'],
    ['an engaged switch', SEED, sentinel(1, null), 'HALTED'],
    ['nothing, and it has forgotten', null, null, 'HALTED'],
    ['a cleared switch, and it has forgotten', '{"active":false}', null, 'HALTED'],
    ['nothing, beside a sentinel that is not ours', null, 'OK', 'HALTED'],
  ])('%s', (_what, key, mark, state) => {
    expect(positionOf({ key, sentinel: mark }).state).toBe(state);
  });
});

describe('the next step', () => {
  const cleared = { do: 'record', change: { state: 'ACTIVE', changedBy: REDIS_AUTHOR } };
  const mine = record({ state: 'HALTED' });
  const text = writeSwitch(mine);

  it.each([
    ['both agree on trading', record(), memory(null, sentinel(5, null)), { do: 'nothing' }],
    ['both agree on a halt', mine, memory(text, sentinel(5, text)), { do: 'nothing' }],
    ['the first start', record({ mirrored: false }), memory(null, null), { do: 'initialise' }],
    [
      'an operator engaged it in Redis',
      record(),
      memory(SEED, sentinel(5, null)),
      { do: 'record', source: 'redis', change: { state: 'HALTED', reason: 'manual', changedBy: 'ops' } },
    ],
    ['an operator deleted it in Redis', mine, memory(null, sentinel(5, text)), cleared],
    ['a deletion older than the halt', mine, memory(null, sentinel(4, SEED)), { do: 'write', key: text }],
    [
      'a deletion that may be an eviction',
      mine,
      memory(null, sentinel(5, text), { evictions: 3 }),
      { do: 'write', key: text },
    ],
    [
      'a deletion beside evictions of keys that expire',
      mine,
      memory(null, sentinel(5, text), { evictions: 3, evictsNothing: false }),
      cleared,
    ],
    ['a halt in PostgreSQL', mine, memory(null, sentinel(4, null)), { do: 'write', key: text }],
    ['a clearing in PostgreSQL', record(), memory(SEED, sentinel(4, SEED)), { do: 'write', key: null }],
    [
      'a flush while trading',
      record(),
      memory(null, null),
      { do: 'record', source: 'service', change: { reason: REDIS_TROUBLE.lost } },
    ],
    ['a flush while halted', mine, memory(null, null), { do: 'write', key: text, sentinel: null }],
    ['a flush while halted, shown again', mine, memory(text, null), { do: 'nothing' }],
    [
      'a policy that evicts',
      record(),
      memory(null, sentinel(5, null), { forgets: 'why' }),
      { do: 'record', source: 'service' },
    ],
    [
      'an older PostgreSQL',
      record(),
      memory(null, sentinel(9, null)),
      { do: 'record', source: 'service', change: { reason: REDIS_TROUBLE.older } },
    ],
    [
      'a loosening to REDUCING in Redis',
      mine,
      memory('{"active":true,"state":"REDUCING"}', sentinel(5, text)),
      { do: 'record', source: 'redis', change: { state: 'REDUCING' } },
    ],
  ])('%s', (_what, pg, redis, step) => {
    expect(nextStep(pg, redis)).toMatchObject(step);
  });
});

/** Both sides as a tiny machine: what takes steps until nothing is left to do. */
function settle(start: { pg: SwitchRecord; redis: RedisMemory }): {
  pg: SwitchRecord;
  redis: RedisMemory;
  steps: number;
} {
  let { pg, redis } = start;
  for (let steps = 0; steps < 20; steps += 1) {
    const step = nextStep(pg, redis);
    if (step.do === 'nothing') return { pg, redis, steps };
    if (step.do === 'initialise') {
      redis = { ...redis, sentinel: redis.sentinel ?? writeSentinel(firstSentinel(pg, redis)) };
      pg = { ...pg, mirrored: true };
    } else if (step.do === 'write') {
      redis = { ...redis, key: step.key, sentinel: step.sentinel && writeSentinel(step.sentinel) };
    } else {
      pg = { ...pg, ...step.change, version: pg.version + 1 };
    }
  }
  throw new Error('never settles');
}

describe('both sides together', () => {
  const texts = fc.constantFrom(null, SEED, '{"active":false}', '{"active":true,"state":"REDUCING"}', 'garbage');
  const starts = fc.record({
    pg: fc
      .record({
        state: fc.constantFrom(...KILL_SWITCH_STATES),
        version: fc.integer({ min: 1, max: 6 }),
        mirrored: fc.boolean(),
      })
      .map(record),
    redis: fc.record({
      key: texts,
      sentinel: fc.oneof(
        fc.constantFrom(null, 'garbage'),
        fc.record({ version: fc.integer({ min: 1, max: 6 }), key: texts, evictions: fc.nat(2) }).map(writeSentinel),
      ),
      evictions: fc.nat(2),
      evictsNothing: fc.boolean(),
      forgets: fc.constantFrom(null, 'allkeys-lru'),
    }),
  });

  it('settle within the rounds of one look, and trade only when both say so and Redis remembers', () => {
    fc.assert(
      fc.property(starts, (start) => {
        const { pg, redis, steps } = settle(start);
        expect(steps).toBeLessThanOrEqual(5);
        if (pg.state === 'ACTIVE') {
          expect(redis.forgets).toBeNull();
          expect(positionOf(redis).state).toBe('ACTIVE');
        } else if (redis.forgets === null) {
          expect(positionOf(redis).state).not.toBe('ACTIVE');
        }
      }),
      { numRuns: 3000 },
    );
  });
});
