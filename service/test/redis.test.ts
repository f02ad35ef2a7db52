import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRedis, type Redis, RedisUnavailableError } from '../src/redis.ts';
import { eventually } from './support/eventually.ts';
import { hasRedis, startRedis, type TestRedis } from './support/redis.ts';

describe.skipIf(!hasRedis)('the connection to Redis', () => {
  let server: TestRedis;
  let redis: Redis;
  const errors: Error[] = [];

  beforeAll(async () => {
    server = await startRedis();
    redis = createRedis({ url: server.url, commandTimeoutMs: 200, onError: (error) => errors.push(error) });
  });
  afterAll(async () => {
    await redis.close();
    await server.kill();
  });

  const answers = () =>
    redis.send(['PING']).then(
      (reply) => reply === 'PONG',
      () => false,
    );

  it('refuses before it is started, and answers soon after', async () => {
    await expect(redis.send(['PING'])).rejects.toThrow(RedisUnavailableError);
    await redis.start();
    await eventually('the connection stands', answers);
    expect(await redis.send(['SET', 'k', 'v'])).toBe('OK');
    expect(await redis.send(['GET', 'k'])).toBe('v');
    expect(await redis.send(['GET', 'nothing'])).toBeNull();
  });

  it('says what Redis refuses, and goes on', async () => {
    await expect(redis.send(['NO-SUCH-COMMAND'])).rejects.toMatchObject({ cause: { message: expect.any(String) } });
    expect(await redis.send(['PING'])).toBe('PONG');
  });

  it('does not blame the server for the time in which this process itself stood still', async () => {
    const answer = redis.send(['PING']);
    // Once the command is on its way, the process does nothing else for longer than the answer may take.
    await new Promise((resolve) => setImmediate(resolve));
    const until = performance.now() + 300;
    while (performance.now() < until);
    expect(await answer).toBe('PONG');
  });

  it('gives up on a frozen server in its time, and finds it again when it thaws', async () => {
    server.signal('SIGSTOP');
    const startedAt = performance.now();
    await expect(redis.send(['PING'])).rejects.toThrow('no answer within 200 ms');
    expect(performance.now() - startedAt).toBeLessThan(1000);
    server.signal('SIGCONT');
    await eventually('the connection stands again', answers);
  });

  it('refuses at once while the server is gone, tells it once, and comes back by itself', async () => {
    errors.length = 0;
    await server.kill();
    await eventually('the loss is told', async () => errors.length > 0);
    const startedAt = performance.now();
    await expect(redis.send(['PING'])).rejects.toThrow(RedisUnavailableError);
    expect(performance.now() - startedAt).toBeLessThan(100);
    await server.start();
    await eventually('the connection stands again', answers);
    expect(errors).toHaveLength(1);
  });
});
