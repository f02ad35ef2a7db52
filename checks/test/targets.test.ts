import { describe, expect, test } from 'vitest';
import { parseConfig, pointAt } from '../src/config.ts';

const plain = {
  service: {
    ...{ start: ['true'], checkConfig: ['true'], environment: {}, variables: {} },
    ...{ liveness: '/live', readiness: '/ready', publicRoutes: [] },
  },
  database: {
    ...{ migrate: ['true'], applyNext: ['true'], revertLast: ['true'], seed: ['true'], migrations: '*.sql' },
    ...{ credentials: () => ({ writers: [], operator: '' }), requiredIndexes: [], invariants: [] },
  },
  code: { typeCheck: ['true'], production: ['*.ts'] },
};
const withTargets = (targets: Record<string, object>) => parseConfig({ ...plain, targets });

describe('what a release asks', () => {
  const config = withTargets({
    production: { url: 'https://orders.example/' },
    staging: { url: 'https://staging.example' },
  });

  test('is production, with staging beside it', () => {
    const { target, staging } = pointAt(config);
    expect([target?.url, staging?.url]).toEqual(['https://orders.example', 'https://staging.example']);
  });

  test('is the one that is named', () => {
    expect(pointAt(config, 'staging').target?.url).toBe('https://staging.example');
    expect(() => pointAt(config, 'moon')).toThrow('has no target moon');
  });

  test('is nothing where there is none, and what lacks it says so', () => {
    expect(pointAt(withTargets({}))).not.toHaveProperty('target');
  });
});

test.each([
  'http://orders.example',
  'http://127.0.0.1.example',
  'http://127.0.0.1:80@moon.example',
  'ftp://127.0.0.1',
  'orders.example',
])('nobody sends a key to %s', (url) => {
  expect(() => withTargets({ production: { url } })).toThrow('targets.production.url');
});

test.each(['http://127.0.0.1:3000', 'http://localhost:3000', 'http://[::1]:3000'])('%s is on this machine', (url) => {
  expect(pointAt(withTargets({ production: { url } })).target?.url).toBe(url);
});
