import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  describeEnvironment,
  describeVariables,
  type Environment,
  loadCommandConfig,
  loadConfig,
} from '../src/config.ts';

const good = {
  DATABASE_URL: 'postgres://app:s3cr3t-canary@db.example/orders?sslmode=verify-full',
  ORDER_PROCESSING_API_KEY: randomBytes(32).toString('hex'),
};

function faultsOf(env: Environment): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('needs two variables and has a default for every other one', () => {
    const config = loadConfig(good);
    expect(config).toMatchObject({
      nodeEnv: 'development',
      http: { host: '127.0.0.1', port: 3000 },
      metrics: { port: 9464 },
    });
    expect(faultsOf({}).faults.map((fault) => fault.name)).toEqual(['DATABASE_URL', 'ORDER_PROCESSING_API_KEY']);
  });

  it('is frozen to the bottom', () => {
    const config = loadConfig(good);
    expect([config, ...Object.values(config).filter((part) => typeof part === 'object')].every(Object.isFrozen)).toBe(
      true,
    );
  });

  it('reports every fault at once, each with its name, what is wrong and what is right', () => {
    const error = faultsOf({
      DATABASE_URL: 'mysql://app:s3cr3t-canary@db/orders',
      ORDER_PROCESSING_API_KEY: 'dev-key-12345',
      NODE_ENV: 'prod',
      PORT: '70000',
      POOL_MAX: '1',
      LOG_LEVEL: 'loud',
      MAX_ORDER_NOTIONAL: '-5',
      TRUST_PROXY_HOPS: 'true',
      QUERY_TIMEOUT_MS: '2000',
    });
    expect(error.message.split('\n')).toEqual([
      'DATABASE_URL: does not start with postgres:// or postgresql://; set postgres://user:password@host:5432/database, with ?sslmode=verify-full unless the host is this machine',
      expect.stringMatching(
        /^ORDER_PROCESSING_API_KEY: is too short \(13 characters\); set 32 to 256 random characters/,
      ),
      'NODE_ENV: "prod" is not known; set one of development, test, production',
      'PORT: 70000 is out of range; set a whole number from 0 to 65535',
      'LOG_LEVEL: "loud" is not known; set one of fatal, error, warn, info, debug, trace, silent',
      'POOL_MAX: 1 is out of range; set a whole number from 2 to 100',
      'TRUST_PROXY_HOPS: "true" is not a whole number; set a whole number from 0 to 5',
      expect.stringMatching(
        /^MAX_ORDER_NOTIONAL: "-5" is not a positive decimal number; set a positive decimal number/,
      ),
      'QUERY_TIMEOUT_MS: 2000 is not greater than STATEMENT_TIMEOUT_MS (2000); set more than 2000',
    ]);
    expect(error.message).not.toContain('s3cr3t-canary');
    expect(error.message).not.toContain('dev-key-12345');
  });

  it.each([
    ['not a url', 'is not a URL'],
    ['http://cache.example', 'does not start with redis:// or rediss://'],
    ['redis://', 'names no host'],
  ])('refuses REDIS_URL=%s', (url, wrong) => {
    expect(faultsOf({ ...good, REDIS_URL: url }).faults).toMatchObject([{ name: 'REDIS_URL', wrong }]);
  });

  it('does without Redis, and takes it over TLS', () => {
    expect(loadConfig(good).redisUrl).toBeNull();
    expect(loadConfig({ ...good, REDIS_URL: 'rediss://u:p@cache.example' }).redisUrl).toBe(
      'rediss://u:p@cache.example',
    );
  });

  it('takes exact origins only', () => {
    expect(loadConfig(good).http.corsOrigins).toEqual([]);
    const origins = 'https://desk.example, http://127.0.0.1:8080';
    expect(loadConfig({ ...good, CORS_ORIGINS: origins }).http.corsOrigins).toEqual([
      'https://desk.example',
      'http://127.0.0.1:8080',
    ]);
    const wrong = ['*', 'null', 'desk.example', 'https://*.desk.example', 'https://desk.example/', 'https://a:443'];
    for (const bad of [...wrong, 'https://desk.example,', 'ftp://desk.example', 'https://u@desk.example']) {
      expect(faultsOf({ ...good, CORS_ORIGINS: bad }).faults).toMatchObject([
        { name: 'CORS_ORIGINS', wrong: expect.stringContaining('is not an exact origin') },
      ]);
    }
  });

  it.each([
    ['not a url', 'is not a URL'],
    ['postgres:///orders', 'names no host'],
    ['postgres://db.example', 'names no database'],
    ['postgres://db.example/', 'names no database'],
    ['postgres://db.example/orders', 'reaches another machine without sslmode=verify-full'],
    ['postgres://db.example/orders?sslmode=require', 'reaches another machine without sslmode=verify-full'],
    [
      'postgres://db.example/orders?sslmode=verify-full&sslmode=disable',
      'reaches another machine without sslmode=verify-full',
    ],
    ['postgres://localhost/orders?host=db.example', 'reaches another machine without sslmode=verify-full'],
    ['http://db.example/orders', 'does not start with postgres:// or postgresql://'],
  ])('refuses DATABASE_URL=%s', (url, wrong) => {
    expect(faultsOf({ ...good, DATABASE_URL: url }).faults).toMatchObject([{ name: 'DATABASE_URL', wrong }]);
  });

  it.each([
    ['short', 'a'.repeat(31), 'is too short (31 characters)'],
    ['long', randomBytes(129).toString('hex'), 'is too long (258 characters)'],
    ['with whitespace', `${'0f1e2d3c4b5a69'.repeat(2)} abcdefg`, 'contains whitespace'],
    ['well known', 'dev-key-12345-dev-key-12345-dev-key-12345', 'contains a well-known default'],
    ['to be changed', 'changeme-9f8e7d6c5b4a39281706f5e4d3c2b1a0', 'contains a well-known default'],
    ['of few characters', 'abababababababababababababababababab', 'repeats too few different characters to be random'],
  ])('refuses a process key that is %s', (_what, key, wrong) => {
    const error = faultsOf({ ...good, ORDER_PROCESSING_API_KEY: key });
    expect(error.faults).toMatchObject([{ name: 'ORDER_PROCESSING_API_KEY', wrong }]);
    expect(error.message).not.toContain(key);
  });

  it('takes random keys of either common form', () => {
    for (let round = 0; round < 200; round += 1) {
      for (const encoding of ['hex', 'base64url'] as const) {
        const key = randomBytes(32).toString(encoding);
        expect(loadConfig({ ...good, ORDER_PROCESSING_API_KEY: key }).orderProcessingApiKey).toBe(key);
      }
    }
  });

  it('refuses one port for two servers', () => {
    expect(faultsOf({ ...good, PORT: '9464' }).faults).toMatchObject([
      { name: 'METRICS_PORT', wrong: '9464 is PORT as well' },
    ]);
    expect(loadConfig({ ...good, PORT: '0', METRICS_PORT: '0' }).metrics.port).toBe(0);
  });
});

describe('loadCommandConfig', () => {
  it('needs the database only', () => {
    expect(loadCommandConfig({ DATABASE_URL: good.DATABASE_URL })).toEqual({
      databaseUrl: good.DATABASE_URL,
      nodeEnv: 'development',
      migrationsDir: undefined,
    });
    expect(() => loadCommandConfig({ NODE_ENV: 'x' })).toThrow(
      /^DATABASE_URL: is missing.*\nNODE_ENV: "x" is not known/,
    );
  });
});

describe('the fingerprint of the settings', () => {
  const { fingerprint } = describeEnvironment(good);

  it('is that of the process that runs with them', () => {
    expect(loadConfig(good).build).toEqual({ commit: null, configuration: fingerprint });
  });

  it('changes with a setting, and neither with a secret nor with the build', () => {
    expect(describeEnvironment({ ...good, POOL_MAX: '11' }).fingerprint).not.toBe(fingerprint);
    expect(describeEnvironment({ ...good, POOL_MAX: '10' }).fingerprint).toBe(fingerprint);
    const key = randomBytes(32).toString('hex');
    const other = { ...good, ORDER_PROCESSING_API_KEY: key, BUILD_COMMIT: 'a'.repeat(40) };
    expect(describeEnvironment(other).fingerprint).toBe(fingerprint);
    expect(loadConfig(other).build.commit).toBe(other.BUILD_COMMIT);
  });
});

describe('.env.example', () => {
  const example = parseEnv(readFileSync(path.resolve(import.meta.dirname, '../../.env.example'), 'utf8'));

  it('lists exactly the variables of the service, with their defaults, and no secret', () => {
    const expected = Object.fromEntries(describeVariables().map(({ name, fallback }) => [name, fallback ?? '']));
    expect(example).toEqual(expected);
  });
});
