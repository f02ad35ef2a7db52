import { expect, test } from 'vitest';
import { REDIS_TROUBLE } from '../domain/kill-switch-redis.ts';
import { RedisUnavailableError } from '../redis.ts';
import { createRedisSwitch } from './redis-switch.ts';

const INFO = 'maxmemory:0\r\nmaxmemory_policy:noeviction\r\nevicted_keys:0\r\n';

test('while Redis is silent only the watch asks it; placements are refused without waiting', async () => {
  let isSilent = true;
  const asked: string[] = [];
  const redis = createRedisSwitch({
    send: async ([command = '']) => {
      asked.push(command);
      if (isSilent) throw new RedisUnavailableError('no answer within 200 ms');
      if (command === 'INFO') return INFO;
      return [null, '{"version":1,"key":null,"evictions":0}'];
    },
  });
  expect((await redis.position()).reason).toBe(REDIS_TROUBLE.unreadable);
  const sofar = asked.length;
  expect((await redis.position()).state).toBe('HALTED');
  expect(asked).toHaveLength(sofar);
  await expect(redis.look()).rejects.toThrow(RedisUnavailableError);
  expect((await redis.position()).state).toBe('HALTED');
  isSilent = false;
  await redis.look();
  expect((await redis.position()).state).toBe('ACTIVE');
});
