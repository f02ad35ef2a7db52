import { afterEach, describe, expect, test } from 'vitest';
import dependenciesArePinned from '../src/gates/supply-chain/dependencies-are-pinned.ts';
import { judgeGoModule } from '../src/gates/supply-chain/go-pins.ts';
import { judgeDockerfile, judgeWorkflow } from '../src/gates/supply-chain/image-and-action-pins.ts';
import {
  isExact,
  judgeLock,
  judgeManifests,
  judgeScripts,
  readLock,
  readManifest,
} from '../src/gates/supply-chain/npm-pins.ts';
import { lookAt } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

const integrity = 'sha512-abc';
const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
const manifest = (path: string, data: object) => readManifest(path, json(data));
const lock = (packages: object) => readLock('package-lock.json', json({ lockfileVersion: 3, packages }));
const told = (pins: { loose: { line: number; name: string; wrong: string }[] }) =>
  pins.loose.map(({ line, name, wrong }) => `${line} ${name} ${wrong}`);

describe('npm', () => {
  test.each(['1.2.3', '=1.2.3', '1.2.3-beta.17', '1.2.3+build.5', 'npm:other@1.2.3'])('%s is exact', (specification) =>
    expect(isExact(specification)).toBe(true),
  );
  test.each([
    ...['^1.2.3', '~1.2.3', '>=1', '1', '1.2', '1.x', '*', '', 'latest', 'next', '1.2.3 || 2.0.0', 'npm:other@^1.2.3'],
    ...['github:a/b', 'git+ssh://git@host/a.git#v1', 'https://host/a.tgz', 'file:../a'],
  ])('"%s" is not', (specification) => expect(isExact(specification)).toBe(false));

  test('a range is told with its line and the version to pin', () => {
    const root = manifest('package.json', {
      devDependencies: { a: '1.0.0' },
      dependencies: { a: '1.0.0', b: '^2.0.0' },
    });
    const locked = lock({ '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.3.4' } });
    const { examined, loose } = judgeManifests([root], [locked]);
    expect(examined).toBe(3);
    expect(loose).toMatchObject([
      { file: 'package.json', line: 7, name: 'b', fix: expect.stringContaining('"b": "2.3.4"') },
    ]);
  });

  test('a workspace is locked where its root is, its own copy first', () => {
    const root = manifest('package.json', { name: 'root', dependencies: {} });
    const part = manifest('parts/one/package.json', {
      name: 'one',
      dependencies: { a: '1.0.0', b: '2.0.0', root: '*', c: '3.0.0' },
    });
    const locked = lock({
      '': {},
      'parts/one': {},
      'node_modules/one': { link: true, resolved: 'parts/one' },
      'parts/one/node_modules/a': { version: '1.0.0' },
      'node_modules/a': { version: '9.0.0' },
      'node_modules/b': { version: '2.0.1' },
    });
    expect(told(judgeManifests([root, part], [locked]))).toEqual([
      '5 b 2.0.0 is wanted, and package-lock.json holds 2.0.1',
      '7 c 3.0.0 is wanted, and package-lock.json does not hold it',
    ]);
    expect(told(judgeManifests([part], []))).toContainEqual(expect.stringContaining('is in no lockfile'));
  });

  test('a locked package has its hash, and names no host', () => {
    const pins = judgeLock(
      lock({
        '': {},
        'node_modules/good': { version: '1.0.0', integrity },
        'node_modules/good/node_modules/bundled': { version: '1.0.0', inBundle: true },
        'node_modules/@scope/bare': { version: '1.0.0' },
        'node_modules/git': { version: '1.0.0', resolved: 'git+ssh://git@host/a.git#abc' },
        'node_modules/hosted': { version: '1.0.0', integrity, resolved: 'https://registry.example/hosted.tgz' },
      }),
    );
    expect(pins.examined).toBe(5);
    expect(told(pins)).toEqual([
      expect.stringMatching(/^\d+ @scope\/bare is locked without integrity/),
      expect.stringMatching(/^\d+ git comes from git\+ssh, not from a registry/),
      expect.stringMatching(/^\d+ 1 of 5 packages name the host/),
    ]);
  });

  test('a lockfile of npm 6 is an error, not a pass', () => {
    expect(() => readLock('package-lock.json', json({ lockfileVersion: 1, packages: {} }))).toThrow(
      /package-lock\.json/,
    );
  });

  test('install scripts are off, or each is allowed or refused', () => {
    const locked = lock({ '': {}, 'node_modules/@a/b': { hasInstallScript: true }, 'node_modules/c': {} });
    const root = (data: object) => manifest('package.json', data);
    expect(judgeScripts(locked, root({}), 'save-exact=true\nignore-scripts=true\n')).toEqual([]);
    expect(judgeScripts(locked, root({}), '# ignore-scripts=true\n')).toHaveLength(1);
    expect(judgeScripts(locked, root({ allowScripts: { '@a/b@1.0.0': true } }), '')).toEqual([]);
    expect(judgeScripts(locked, root({ allowScripts: { c: false } }), '')).toMatchObject([{ name: '@a/b' }]);
  });
});

describe('Go', () => {
  const text = [
    'module tools',
    'tool example.com/one/cmd/run',
    'tool example.com/none/cmd',
    'require (',
    '\texample.com/one v1.2.3 // indirect',
    '\texample.com/two v2.0.0-20260101000000-abcdefabcdef',
    ')',
    'require example.com/three v0.1.0',
    'replace example.com/three => ./three',
  ].join('\n');

  test('each module has its hash, each tool its module', () => {
    const sum = 'example.com/one v1.2.3 h1:a=\nexample.com/one v1.2.3/go.mod h1:b=\n';
    const pins = judgeGoModule('go.mod', text, sum);
    expect(pins.examined).toBe(3);
    expect(told(pins)).toEqual([
      expect.stringMatching(/^6 example\.com\/two .* is not verified: go\.sum does not hold its hash/),
      '3 example.com/none/cmd is a tool of no required module',
    ]);
    expect(told(judgeGoModule('go.mod', text, undefined))).toHaveLength(3);
  });
});

describe('workflows and images', () => {
  test('an action is pinned by commit', () => {
    const commit = 'a'.repeat(40);
    const text = [
      'steps:',
      `  - uses: actions/checkout@${commit} # v6`,
      '  - uses: actions/setup-node@v6',
      '  # - uses: actions/cache@v5',
      '  - uses: ./.github/actions/own',
      `  - { name: x, uses: "docker://alpine:3" }`,
      `    uses: org/repo/.github/workflows/reuse.yml@${commit}`,
      '  - uses: org/unversioned',
    ].join('\n');
    const pins = judgeWorkflow('ci.yml', text);
    expect(pins.examined).toBe(5);
    expect(told(pins)).toEqual([
      expect.stringMatching(/^3 actions\/setup-node is used by v6/),
      expect.stringMatching(/^6 docker:\/\/alpine:3 is used by nothing/),
      expect.stringMatching(/^8 org\/unversioned is used by nothing/),
    ]);
  });

  test('a base image is pinned by an exact tag, better by a digest', () => {
    const text = [
      'ARG NODE=26.10.0-bookworm-slim',
      `FROM --platform=linux/amd64 node:\${NODE} AS build`,
      'FROM build AS test',
      'FROM postgres:15',
      'FROM localhost:5000/app',
      `FROM node@sha256:${'0'.repeat(64)} AS Final`,
      'COPY --from=build /a /a',
      'COPY --from=final /a /a',
      'COPY --chown=1:1 --from=busybox:latest /bin/sh /sh',
      `FROM \${UNSET}`,
      'FROM scratch',
      'FROM postgres:15.14-bookworm',
    ].join('\n');
    const pins = judgeDockerfile('Dockerfile', text);
    expect(pins.examined).toBe(7);
    expect(pins.withoutDigest).toEqual(['node:26.10.0-bookworm-slim', 'postgres:15.14-bookworm']);
    expect(told(pins)).toEqual([
      '4 postgres is taken at 15, which moves',
      '5 localhost:5000/app is taken at latest, which moves',
      '9 busybox is taken at latest, which moves',
      `10 \${UNSET} depends on an argument without a default`,
    ]);
  });
});

describe('the gate', () => {
  const opened: SmallRepository[] = [];
  afterEach(() => {
    for (const made of opened.splice(0)) made.close();
  });

  test('counts all kinds, names the file, and refuses a lockfile that it cannot read', async () => {
    const tree = await createSmallRepository({
      'package.json': json({ dependencies: { a: '1.0.0' } }),
      'package-lock.json': json({
        lockfileVersion: 3,
        packages: { '': {}, 'node_modules/a': { version: '1.0.0', integrity } },
      }),
      '.npmrc': 'ignore-scripts=true\n',
      'deploy/Dockerfile': 'FROM node:26\n',
      '.github/workflows/ci.yml': `steps:\n  - uses: actions/checkout@${'0'.repeat(40)}\n`,
    });
    opened.push(tree);
    expect(await lookAt(dependenciesArePinned, tree.root)).toMatchObject({
      outcome: 'fail',
      examined: 4,
      findings: [{ file: 'deploy/Dockerfile', line: 1 }],
      facts: { examined: { declared: 1, locked: 1, goModules: 0, actions: 1, images: 1 } },
    });
    tree.write('deploy/Dockerfile', 'FROM node:26.10.0-bookworm-slim\n');
    expect(await lookAt(dependenciesArePinned, tree.root)).toMatchObject({
      outcome: 'pass',
      facts: { imagesWithoutDigest: ['node:26.10.0-bookworm-slim'] },
    });
    tree.write('pnpm-lock.yaml', 'lockfileVersion: 9\n');
    expect((await lookAt(dependenciesArePinned, tree.root)).outcome).toBe('error');
  });
});
