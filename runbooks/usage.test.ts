import { readdirSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runScript, scriptPath } from './test-support/run-script.ts';

// A port on which nothing listens: a script that sent anything would end with 3.
const NOBODY = {
  ...{ SERVICE_URL: 'http://127.0.0.1:1', METRICS_URL: 'http://127.0.0.1:1', REDIS_URL: 'redis://127.0.0.1:1' },
  DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:1/none',
};
const ORDER = '01930b5e-7a4c-7cc1-9d2e-3f1a2b4c5d6e';
const scripts = readdirSync(scriptPath('.')).filter((name) => (statSync(scriptPath(name)).mode & 0o111) !== 0);

test('the directory holds the scripts that the page names, and their library is no script', () => {
  expect(scripts.sort()).toEqual([
    ...['clear-kill-switch', 'drain-worker', 'emergency-stop', 'metric', 'order-status', 'pause-processing'],
    ...['point-in-time-restore', 'process-orders-by-hand', 'reconcile', 'resolve-unknown', 'restore-backup'],
    ...['rotate-key', 'start', 'status'],
  ]);
});

test.each(scripts)('%s --help names its options, environment, exit codes and an example', async (script) => {
  const { code, stdout, stderr } = await runScript(script, ['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^Usage: ${script} .*\\n`));
  for (const heading of ['Options:', 'Environment:', 'Exit codes:', 'Example:'])
    expect(stdout).toContain(`\n${heading}\n`);
});

const dryRuns: [script: string, args: string[]][] = [
  ...scripts.map((script): [string, string[]] => [script, []]),
  ['emergency-stop', ['--via', 'psql']],
  ['order-status', ['--via', 'psql']],
  ['rotate-key', ['--revoke', 'k3v9x2ma']],
  ['restore-backup', ['--to', '/var/lib/postgresql/restored', '--set', '20260615-020000F']],
  ['point-in-time-restore', ['--to', '/var/lib/postgresql/before', '--xid', '7', '--before']],
];

test.each(dryRuns)(
  '%s --dry-run %j says what it would do without a server, a key or a confirmation',
  async (script, args) => {
    const { code, stdout, stderr } = await runScript(script, ['--dry-run', ...args], { env: NOBODY });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^would [a-z]+.*: /);
    expect(stdout).toMatch(/Dry run: nothing was done\.\n$/);
  },
);

test.each(scripts)('%s refuses a flag that it does not have before anything is sent', async (script) => {
  const { code, stdout } = await runScript(script, ['--no-such-flag'], { env: NOBODY });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test.each([
  ['emergency-stop', ['--force'], 'unknown argument: --force'],
  ['emergency-stop', ['--via', 'telnet'], '--via is api or psql, not telnet'],
  ['emergency-stop', ['--reason'], '--reason needs a value'],
  ['emergency-stop', ['--reason', ''], 'the value of --reason is empty'],
  ['emergency-stop', ['--reason', '  '], 'the reason is blank'],
  ['emergency-stop', ['--reason', 'two\nlines'], 'the reason must be one line without control characters'],
  ['emergency-stop', ['--reason', 'x'.repeat(501)], 'the reason has more than 500 characters'],
  ['emergency-stop', [], 'no key: set OPERATOR_API_KEY, or OPERATOR_API_KEY_FILE to a file that holds it'],
  ['clear-kill-switch', ['--yes'], '--reason is required: say why it is safe to trade again'],
  ['clear-kill-switch', ['now'], 'unknown argument: now'],
  ['order-status', [], 'which order? ORDER_ID is missing'],
  ['order-status', ['1; DROP TABLE orders'], 'an ORDER_ID is a UUID, not 1; DROP TABLE orders'],
  ['order-status', ['--all'], 'unknown option: --all'],
])('%s %j is wrong usage', async (script, args, message) => {
  const { code, stdout, stderr } = await runScript(script, args, { env: NOBODY });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(`${script}: ${message}\n${script}: see ${script} --help\n`);
});

test.each([
  [{ SERVICE_URL: 'ftp://somewhere' }, 'SERVICE_URL is not an http or https address'],
  [{ SERVICE_URL: 'http://me:secret@somewhere' }, 'SERVICE_URL must not carry a user or password'],
  [{ OPERATOR_API_KEY: 'two words' }, 'the key has characters that no API key has'],
  [
    { OPERATOR_API_KEY_FILE: '/nonexistent/key' },
    'OPERATOR_API_KEY_FILE names a file that cannot be read: /nonexistent/key',
  ],
])('an environment of %j is wrong usage', async (env, message) => {
  const { code, stderr } = await runScript('emergency-stop', [], { env: { ...NOBODY, ...env } });
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('secret');
});

test.each([
  [{}, 'DATABASE_URL is not set to a postgres:// address'],
  [{ DATABASE_URL: 'mysql://h/d' }, 'DATABASE_URL is not set to a postgres:// address'],
  [{ DATABASE_URL: 'postgres://h/d?password=hidden' }, 'put the password before the @, not into the query'],
])('a database environment of %j is wrong usage', async (env, message) => {
  const { code, stderr } = await runScript('emergency-stop', ['--via', 'psql'], { env });
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('hidden');
});

test.each([
  ['clear-kill-switch', ['--yes', '--reason', 'r']],
  ['drain-worker', ['--list']],
  ['emergency-stop', []],
  ['emergency-stop', ['--via', 'psql']],
  ['metric', ['database_up']],
  ['order-status', [ORDER]],
  ['order-status', ['--via', 'psql', ORDER]],
  ['pause-processing', ['--reason', 'r']],
  ['pause-processing', ['--via', 'psql', '--reason', 'r']],
  ['process-orders-by-hand', []],
  ['reconcile', []],
  ['reconcile', ['--last']],
  ['resolve-unknown', ['--as', 'canceled', '--evidence', 'e', '--yes', ORDER]],
  ['rotate-key', ['k3v9x2ma']],
  ['start', ['--wait', '1', 'service']],
  ['start', ['--wait', '1', 'postgres']],
  ['status', []],
  ['status', ['--wait', '1']],
  ['status', ['--via', 'psql']],
])('%s %j tells that nobody answers from a refusal', async (script, args) => {
  const env = { ...NOBODY, OPERATOR_API_KEY: 'pk_any', ORDER_PROCESSING_API_KEY: 'pk_any', START_COMMAND: 'true' };
  const { code, stdout, stderr } = await runScript(script, args, { env });
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).not.toContain('nothing@');
});

test('who cannot stop through the service is told of the other way', async () => {
  const { stderr } = await runScript('emergency-stop', [], { env: { ...NOBODY, OPERATOR_API_KEY: 'pk_any' } });
  expect(stderr).toContain('stop through the database: emergency-stop --via psql');
});
