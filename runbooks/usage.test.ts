import { readdirSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runScript, scriptPath } from './test-support/run-script.ts';

// A port on which nothing listens: a script that sent anything would end with 3.
const NOBODY = { SERVICE_URL: 'http://127.0.0.1:1', DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:1/none' };
const scripts = readdirSync(scriptPath('.')).filter((name) => (statSync(scriptPath(name)).mode & 0o111) !== 0);

test('the directory holds the scripts that the page names, and their library is no script', () => {
  expect(scripts.sort()).toEqual([
    ...['clear-kill-switch', 'drain-worker', 'emergency-stop', 'order-status', 'pause-processing'],
    ...['point-in-time-restore', 'process-orders-by-hand', 'reconcile', 'resolve-unknown', 'restore-backup'],
    ...['rotate-key', 'status'],
  ]);
});

test.each(scripts)('%s --help names its options, environment, exit codes and an example', async (script) => {
  const { code, stdout, stderr } = await runScript(script, ['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^Usage: ${script} .*\\n`));
  for (const heading of ['Options:', 'Environment:', 'Exit codes:', 'Example:'])
    expect(stdout).toContain(`\n${heading}\n`);
});

test.each([
  ['emergency-stop', []],
  ['emergency-stop', ['--via', 'psql']],
  ['clear-kill-switch', []],
  ['order-status', []],
  ['order-status', ['--via', 'psql']],
  ['restore-backup', []],
  ['restore-backup', ['--to', '/var/lib/postgresql/restored', '--set', '20260615-020000F']],
  ['point-in-time-restore', []],
  ['point-in-time-restore', ['--to', '/var/lib/postgresql/before', '--xid', '7', '--before']],
])('%s --dry-run %j says what it would do without a server, a key or a confirmation', async (script, args) => {
  const { code, stdout, stderr } = await runScript(script, ['--dry-run', ...args], { env: NOBODY });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^would (send|check|run|read): /);
  expect(stdout).toMatch(/Dry run: nothing was done\.\n$/);
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

test('a service and a database that do not answer are told apart from a refusal', async () => {
  const env = { ...NOBODY, OPERATOR_API_KEY: 'pk_any' };
  const api = await runScript('emergency-stop', [], { env });
  expect(api.code).toBe(3);
  expect(api.stderr).toContain('stop through the database: emergency-stop --via psql');
  expect((await runScript('clear-kill-switch', ['--yes', '--reason', 'r'], { env })).code).toBe(3);
  expect((await runScript('emergency-stop', ['--via', 'psql'], { env })).code).toBe(3);
});
