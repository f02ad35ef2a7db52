import { afterEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import missingVariables, { isPrinted, variablesNamed } from '../src/gates/config/missing-variables-are-refused.ts';
import { lookAt, smallestConfig } from './support/look.ts';
import { createSmallRepository, type SmallRepository } from './support/small-repository.ts';

/** A service's judgement of its environment, as another team might write it; each test gives it another fault. */
function checker(body: string): string {
  return `
    const faults = [];
    const { API_KEY: key, PORT: port = '3000', OTHER_TOKEN: other } = process.env;
    ${body}
    for (const fault of faults) process.stderr.write(fault + '\\n');
    process.exitCode = faults.length > 0 ? 1 : 0;
  `;
}
const keyRule = "if (!key || key.length < 20) faults.push('API_KEY: is missing or too short');";
const portRule = "if (!/^[0-9]+$/.test(port)) faults.push('PORT: ' + port + ' is not a number');";

const opened: SmallRepository[] = [];
afterEach(() => {
  for (const made of opened.splice(0)) made.close();
});

async function look(program: string) {
  const tree = await createSmallRepository({ 'check.cjs': program });
  opened.push(tree);
  const { service } = parseConfig(smallestConfig);
  const variables = { API_KEY: { required: true, refused: ['tiny'] }, PORT: { required: false, refused: ['http'] } };
  const environment = { API_KEY: '{secret}', PORT: '{port}' };
  return lookAt(missingVariables, tree.root, {
    service: { ...service, checkConfig: ['node', 'check.cjs'], environment, variables },
  });
}
const messages = async (program: string) => (await look(program)).findings.map(({ message }) => message).sort();

describe('missing variables are refused', () => {
  test('a service that checks everything passes, case by case', async () => {
    expect(await look(checker(keyRule + portRule))).toMatchObject({ outcome: 'pass', examined: 6, findings: [] });
  });

  test('a default for a required key', async () => {
    const program = checker(keyRule.replace('!key ||', 'key &&') + portRule);
    expect(await messages(program)).toEqual([
      'it starts although something is wrong: nothing is set',
      'it starts although something is wrong: without API_KEY',
    ]);
  });

  test('a value that is taken as it comes', async () => {
    expect(await messages(checker(keyRule))).toEqual([
      'PORT is not named on stderr: 2 variables wrong at once',
      'it starts although something is wrong: PORT="http"',
    ]);
  });

  test('a fault that hides behind the first', async () => {
    expect(await messages(checker(`${keyRule} else { ${portRule} }`))).toEqual([
      'PORT is not named on stderr: 2 variables wrong at once',
    ]);
  });

  test('a variable that the configuration does not describe', async () => {
    const rule = "if (!other && !key) faults.push('OTHER_TOKEN: is missing');";
    expect(await messages(checker(keyRule + portRule + rule))).toEqual([
      'with nothing set the service names OTHER_TOKEN, which preflight.config.ts does not describe as required',
    ]);
  });

  test('a service that refuses everything', async () => {
    expect(await messages(checker(`${portRule} faults.push('API_KEY: is missing');`))).toEqual([
      'a good environment is refused, naming API_KEY (exit code 1)',
    ]);
  });

  test('a secret that is printed is named, and not printed again', async () => {
    const program = checker(`${keyRule} ${portRule} if (faults.length > 0) process.stdout.write('key=' + key);`);
    const result = await look(program);
    expect(result.outcome).toBe('fail');
    expect(result.findings.map(({ message }) => message)).toContainEqual(
      'the value of API_KEY, a secret, is printed: PORT="http"',
    );
    expect(JSON.stringify(result)).not.toContain('tiny');
  });

  test('a command that does not work gives no verdict', async () => {
    expect((await look('throw new Error("no such module");')).outcome).toBe('error');
  });
});

test('a variable is named as a whole word, and error codes are none', () => {
  const text = 'Error: ERR_MODULE_NOT_FOUND\nPORT: wrong\n  "DB_URL" is needed\nMETRICS_PORTS no\nSENTRY: gone';
  expect(variablesNamed(text, ['PORT', 'METRICS_PORT', 'apiUrl'])).toEqual([
    'DB_URL',
    'METRICS_PORTS',
    'PORT',
    'SENTRY',
  ]);
});

test('a secret is printed when its beginning is, a short one when it is quoted', () => {
  const long = 'abcdefghijklmnopqrstuvwxyz';
  expect(isPrinted(long, `got ${long.slice(0, 20)}…`)).toBe(true);
  expect(isPrinted(long, 'is wrong')).toBe(false);
  expect(isPrinted('short', 'is too short')).toBe(false);
  expect(isPrinted('short', 'got "short"')).toBe(true);
  expect(isPrinted('postgres://a:hunter-two@h/d', 'no route for a with hunter-two')).toBe(true);
  expect(isPrinted('', 'anything ""')).toBe(false);
});
