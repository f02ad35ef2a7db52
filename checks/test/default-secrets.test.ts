import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import noDefaultSecrets from '../src/gates/config/no-default-secrets.ts';
import { isSecretName, isUsable } from '../src/gates/config/secret-names.ts';
import { readCode } from '../src/gates/config/secrets-in-code.ts';
import { readText } from '../src/gates/config/secrets-in-text.ts';
import { lookAt, smallestConfig } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

/** Well known, usable, and in no rule of a scanner that looks for real ones. */
const word = 'opensesame';

const places = (reading: { literals: { line: number; name: string; how: string }[] }) =>
  reading.literals.map(({ line, name, how }) => `${line} ${how} ${name}`);

describe('names', () => {
  test.each([
    'API_KEY',
    'apiKey',
    'ORDER_PROCESSING_API_KEY',
    'POSTGRES_PASSWORD',
    'PGPASSWORD',
    'db.password',
    'SESSION_SECRET',
    'STRIPE_KEY',
    'jwtSecretDefault',
    'GITHUB_TOKEN',
    'aws_secret_access_key',
  ])('%s opens something', (name) => expect(isSecretName(name)).toBe(true));

  test.each([
    'PASSWORD_FILE',
    'TOKEN_TTL_MS',
    'SECRET_NAME',
    'KEY_LENGTH_MIN',
    'primaryKey',
    'PUBLIC_KEY',
    'IDEMPOTENCY_KEY',
    'RATE_LIMIT_PER_HOUR_KEY',
    'key',
    'cacheKey',
    'tokens',
    'id',
  ])('%s does not', (name) => expect(isSecretName(name)).toBe(false));

  test.each([word, 'changeme', 'change-me', 'postgres', '12345', 'admin', 'CHANGE_ME', 'correct horse battery'])(
    '%s could be used',
    (value) => expect(isUsable(value)).toBe(true),
  );

  test.each([
    '',
    '  ',
    '<your key>',
    `\${API_KEY}`,
    '{secret}',
    `\${{ secrets.X }}`,
    'DB_PASSWORD',
    '/run/secrets/key',
    './key.pem',
    '…',
    '***',
    'x-api-key',
    'true',
  ])('%s could not', (value) => expect(isUsable(value)).toBe(false));
});

describe('code', () => {
  test.each([
    [`const key = process.env.API_KEY ?? '${word}';`, 'fallback API_KEY'],
    [`const key = process.env['API_KEY'] || '${word}';`, 'fallback API_KEY'],
    [`const key = process.env.API_KEY ? process.env.API_KEY : '${word}';`, 'fallback API_KEY'],
    [`process.env.API_KEY ??= \`${word}\`;`, 'fallback API_KEY'],
    [`const { API_KEY = '${word}' } = process.env;`, 'fallback API_KEY'],
    [`const { API_KEY: key = '${word}' } = process.env;`, 'fallback API_KEY'],
    [`function open(apiKey: string = '${word}') {}`, 'fallback apiKey'],
    [`z.object({ API_KEY: z.string().min(8).default('${word}') });`, 'fallback API_KEY'],
    [`const key = get('API_KEY', '${word}');`, 'fallback API_KEY'],
    [`const apiKey = '${word}' as const;`, 'assignment apiKey'],
    [`new Pool({ user: 'app', password: '${word}' });`, 'assignment password'],
    [`class Client { #token = '${word}'; }`, 'assignment token'],
    [`const port = readSetting() ?? '${['dev', 'key', '12345'].join('-')}';`, 'fallback readSetting'],
    [`const url = env.URL ?? 'postgres://app:${word}@db/app';`, 'url a URL'],
    [`const sql = \`ALTER ROLE app PASSWORD '${word}'\`;`, 'sql a role'],
  ])('%s', (text, place) => {
    expect(places(readCode('a.ts', `// one\n${text}\n`))).toEqual([`2 ${place}`]);
  });

  test.each([
    `// const apiKey = '${word}';`,
    `const example = "process.env.API_KEY ?? '${word}'";`,
    `const key = process.env.API_KEY ?? '';`,
    'const key = process.env.API_KEY ?? fail();',
    "const idempotencyKey = headers['idempotency-key'] ?? 'none-given';",
    "const KILL_SWITCH_KEY = 'kill_switch:global';",
    "const messages = { password: 'must have ten characters' };",
    'interface Credentials { password: string; token?: "bearer" }',
    `const url = \`postgres://\${user}:\${password}@\${host}/app\`;`,
    "const right = 'set postgres://user:password@host:5432/database';",
    'const sql = "ALTER ROLE app PASSWORD :\'password\'";',
    `const refused = ['changeme', 'password123'];`,
    'const wellKnown = /dev-key|changeme/;',
  ])('%s is none', (text) => expect(readCode('a.ts', text).literals).toEqual([]));

  test('what cannot be parsed is not called clean', () => {
    expect(() => readCode('a.ts', 'const = ;')).toThrow(/a\.ts:1 cannot be parsed/);
  });
});

describe('text', () => {
  test.each([
    ['compose.yml', `      POSTGRES_PASSWORD: postgres`, 'assignment POSTGRES_PASSWORD'],
    ['compose.yml', `      - POSTGRES_PASSWORD=postgres`, 'assignment POSTGRES_PASSWORD'],
    ['compose.yml', `      API_KEY: \${API_KEY:-${word}}`, 'fallback API_KEY'],
    ['compose.yml', `      URL: postgres://postgres:postgres@db:5432/app`, 'url a URL'],
    ['deploy.yml', `    env: { GF_SECURITY_ADMIN_PASSWORD: admin, OTHER: 1 }`, 'assignment GF_SECURITY_ADMIN_PASSWORD'],
    ['secret.json', `  "apiKey": "${word}",`, 'assignment apiKey'],
    ['.env.example', `API_KEY=${word}`, 'assignment API_KEY'],
    ['.env.example', `# API_KEY=${word}`, 'assignment API_KEY'],
    ['bin/start', `export API_KEY="\${API_KEY:=${word}}"`, 'fallback API_KEY'],
    ['bin/start', `PGPASSWORD=${word} psql`, 'assignment PGPASSWORD'],
    ['bin/start', `kubectl create secret generic x --from-literal=password=${word}`, 'assignment password'],
    ['bin/start', `redis-server --requirepass ${word}`, 'argument a command line'],
    ['bin/start', `curl -s -u admin:${word} http://127.0.0.1/`, 'argument a command line'],
    ['Dockerfile', `ENV API_KEY=${word}`, 'assignment API_KEY'],
    ['app.toml', `password = "${word}"`, 'assignment password'],
    ['roles.sql', `CREATE ROLE app LOGIN PASSWORD '${word}';`, 'sql a role'],
    ['app.py', `API_KEY = "${word}"`, 'assignment API_KEY'],
  ])('%s: %s', (path, text, place) => {
    expect(places(readText(path, `first\n${text}\n`))).toEqual([`2 ${place}`]);
  });

  test.each([
    ['compose.yml', `POSTGRES_PASSWORD: \${POSTGRES_PASSWORD:?set it}`],
    ['compose.yml', 'POSTGRES_PASSWORD_FILE: /run/secrets/password'],
    ['compose.yml', '# POSTGRES_PASSWORD: postgres'],
    ['ci.yml', '  id-token: write'],
    ['ci.yml', `  GITHUB_TOKEN: \${{ secrets.GITHUB_TOKEN }}`],
    ['secret.yml', '    secretKey: database-password'],
    ['.env.example', 'API_KEY='],
    ['.env.example', 'API_KEY=<openssl rand -hex 32>'],
    ['.env.example', '# DATABASE_URL=postgres://user:password@host:5432/database'],
    ['bin/start', 'API_KEY=$(openssl rand -hex 32)'],
    ['bin/start', 'if [ "$API_KEY" = expected ]; then'],
    ['bin/start', 'echo "usage: start --token TOKEN"'],
    ['app.py', 'password = os.environ["PASSWORD"]'],
    ['roles.sql', "ALTER ROLE app PASSWORD :'password';"],
    ['README.md', `The password: ${word} is not written like this in prose.`],
  ])('%s: %s is none', (path, text) => expect(readText(path, `first\n${text}\n`).literals).toEqual([]));

  test('a Kubernetes variable and its value are two lines', () => {
    const text = `env:\n  - name: API_KEY\n    value: ${word}\n  - name: PORT\n    value: "3000"\n`;
    expect(places(readText('deployment.yaml', text))).toEqual(['3 assignment API_KEY']);
  });

  test('of Markdown, the fenced blocks are read', () => {
    expect(places(readText('README.md', `one\n\`\`\`sh\nexport API_KEY=${word}\n\`\`\`\n`))).toEqual([
      '3 assignment API_KEY',
    ]);
  });
});

describe('the gate', () => {
  const opened: SmallRepository[] = [];
  afterEach(() => {
    for (const made of opened.splice(0)) made.close();
  });

  test('names places, never values; tests and lockfiles are counted apart', async () => {
    const tree = await createSmallRepository({
      'src/config.ts': `export const key = process.env.API_KEY ?? '${word}';\n`,
      'src/config.test.ts': `export const apiKey = '${word}';\n`,
      'compose.yml': 'services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: postgres\n',
      'package-lock.json': '{}\n',
      'logo.png': 'a\0b',
    });
    opened.push(tree);
    const result = await lookAt(noDefaultSecrets, tree.root);
    expect(result).toMatchObject({
      outcome: 'fail',
      examined: 2,
      findings: [
        { file: 'compose.yml', line: 4, fix: expect.stringContaining(`\${POSTGRES_PASSWORD:?`) },
        { file: 'src/config.ts', line: 1, fix: expect.stringContaining('refuse to start') },
      ],
      facts: { files: { read: 2, tests: 1, locked: 1, binary: 1, directories: 0 }, assignments: 2 },
    });
    expect(JSON.stringify(result)).not.toContain(word);
  });

  test('a value that the service is known to refuse is no default', async () => {
    const tree = await createSmallRepository({ '.env.example': 'API_KEY=replace-me\n' });
    opened.push(tree);
    const { service } = parseConfig(smallestConfig);
    const look = (refused: string[]) =>
      lookAt(noDefaultSecrets, tree.root, {
        service: { ...service, variables: { API_KEY: { required: true, refused } } },
      });
    expect((await look(['short'])).outcome).toBe('fail');
    expect((await look(['replace-me'])).outcome).toBe('pass');
  });
});
