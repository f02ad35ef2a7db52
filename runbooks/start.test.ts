import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runScript } from './test-support/run-script.ts';

let directory: string;
let server: Server;
let url: string;
/** What the stand-in answers to each path, until a test says otherwise. */
let answers: (path: string) => readonly [status: number, body: string];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'runbooks-start-'));
  answers = () => [200, '{}'];
  server = createServer((request, response) => {
    const [status, body] = answers(request.url ?? '');
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  rmSync(directory, { recursive: true });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const started = () => join(directory, 'started');

/** A program of this name that comes first on the PATH. */
function program(name: string, ...lines: string[]): string {
  const file = join(directory, name);
  writeFileSync(file, `#!/bin/sh\n${lines.join('\n')}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** What supervises the installation: it notes what it was asked for. */
const supervisor = () => program('supervise', `echo "$*" >>${started()}`);

describe('start', () => {
  const start = (args: string[], env: Record<string, string>) =>
    runScript('start', args, { env: { START_COMMAND: `${supervisor()} start`, ...env }, pathFirst: directory });

  test('the service is started by whatever supervises it, and asked until it is ready', async () => {
    let asked = 0;
    answers = (path) => [path === '/health/ready' && ++asked > 2 ? 200 : 503, ''];
    expect(await start(['service'], { SERVICE_URL: url })).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: 'service runs, and answers.\n',
    });
    expect([readFileSync(started(), 'utf8'), asked]).toEqual(['start service\n', 3]);
  });

  test('PostgreSQL and Redis are asked for a sign of life, and their passwords are on no command line', async () => {
    const seen = join(directory, 'seen');
    // The first look finds neither.
    const notFirst = `echo "$*" >>${seen}.$$; [ -e ${seen} ] || { echo >${seen}; exit 2; }; echo "$*" >>${seen}`;
    program('pg_isready', notFirst);
    const database = await start(['postgres'], { DATABASE_URL: 'postgres://desk:hidden%21@db:5432/orders' });
    expect(database).toMatchObject({ code: 0, stdout: 'postgres runs, and answers.\n' });
    expect(readFileSync(seen, 'utf8')).toContain('--dbname postgres://desk@db:5432/orders');
    program('redis-cli', `echo "$*" >>${seen}`, 'test "$REDISCLI_AUTH" = "hidden!" && echo PONG');
    const redis = await start(['redis'], { REDIS_URL: 'redis://desk:hidden%21@cache:6379' });
    expect(redis).toMatchObject({ code: 0, stdout: 'redis runs, and answers.\n' });
    expect(readFileSync(seen, 'utf8')).toContain('-u redis://desk@cache:6379 PING');
    expect(readFileSync(seen, 'utf8')).not.toContain('hidden');
    expect(readFileSync(started(), 'utf8')).toBe('start postgres\nstart redis\n');
  });

  test('a part that does not answer in time is told apart from one that nobody could start', async () => {
    answers = () => [503, ''];
    const silent = await start(['--wait', '1', 'service'], { SERVICE_URL: url });
    expect([silent.code, silent.stderr]).toEqual([3, 'start: service does not answer after 1 s: see its log\n']);
    program('supervise', 'echo no such unit >&2', 'exit 5');
    const START_COMMAND = join(directory, 'supervise');
    const failed = await runScript('start', ['service'], { env: { START_COMMAND, SERVICE_URL: url } });
    expect([failed.code, failed.stdout]).toEqual([1, '']);
    expect(failed.stderr).toBe(`no such unit\nstart: service was not started: ${START_COMMAND} ended with 5\n`);
  });

  test.each([
    [[], {}, 'which part? service, postgres or redis is missing'],
    [['nginx'], {}, 'a part is service, postgres or redis, not nginx'],
    [['service', 'redis'], {}, 'one part at a time'],
    [['--wait', '0', 'service'], {}, '--wait is a number of seconds from 1 to 600'],
    [['postgres'], {}, 'DATABASE_URL is not set to a postgres:// address'],
    [['redis'], { REDIS_URL: 'cache:6379' }, 'REDIS_URL is not set to a redis:// address'],
    [
      ['service'],
      { START_COMMAND: 'no-such-program up' },
      'START_COMMAND: no-such-program is not installed on this machine',
    ],
  ])('%j with %j is wrong usage, and nothing is started', async (args, env, message) => {
    const { code, stdout, stderr } = await start(args, env as Record<string, string>);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(`start: ${message}\nstart: see start --help\n`);
    expect(existsSync(started())).toBe(false);
  });

  test('where nothing else is said, docker compose starts it', async () => {
    const { stdout } = await runScript('start', ['--dry-run', 'redis']);
    expect(stdout).toMatch(/^would run: docker compose --file \/.+\/deploy\/compose\.yaml up --detach --wait redis\n/);
  });
});

describe('metric', () => {
  const exposition = [
    '# HELP worker_heartbeat_age_seconds Of each worker.',
    'worker_heartbeat_age_seconds{worker="a b",host="x} 99"} 0.4',
    'worker_heartbeat_age_seconds{worker="c"} 12.5 1700000000000',
    'worker_heartbeat_age_seconds_total 900',
    'database_up 1',
  ].join('\n');
  const metric = (...args: string[]) => runScript('metric', args, { env: { METRICS_URL: url } });
  beforeEach(() => {
    answers = (path) => (path === '/metrics' ? [200, exposition] : [404, '']);
  });

  test.each([
    [['worker_heartbeat_age_seconds'], 0, 2],
    [['--below', '13', 'worker_heartbeat_age_seconds'], 0, 2],
    [['--below', '12.5', 'worker_heartbeat_age_seconds'], 5, 2],
    [['--is', '0.4', 'worker_heartbeat_age_seconds'], 5, 2],
    [['--below', '1', 'worker_heartbeat_age_seconds{worker="a b"}'], 0, 1],
    [['--below', '1', 'worker_heartbeat_age_seconds{worker="c"}'], 5, 1],
    [['--is', '1', 'database_up'], 0, 1],
    [['--is', '0', 'database_up'], 5, 1],
  ])('%j ends with %i, and shows its %i series', async (args, code, shown) => {
    const result = await metric(...args);
    expect(result.code).toBe(code);
    expect(result.stdout.trim().split('\n')).toHaveLength(shown);
  });

  test('it waits until it is so, and for no longer than it was told', async () => {
    let asked = 0;
    answers = () => [++asked > 1 ? 200 : 503, `redis_up ${asked > 2 ? 1 : 0}`];
    expect(await metric('--is', '1', '--wait', '20', 'redis_up')).toEqual({
      code: 0,
      stdout: 'redis_up 1\n',
      stderr: '',
    });
    expect(asked).toBe(3);
    answers = () => [200, 'redis_up 0'];
    const never = await metric('--is', '1', '--wait', '1', 'redis_up');
    expect(never).toEqual({
      ...{ code: 5, stdout: 'redis_up 0\n' },
      stderr: 'metric: redis_up: --is 1 does not hold for each of them\n',
    });
  });

  test('a metric that is not there, an answer that is none, and a process that is away are told apart', async () => {
    expect(await metric('gone_up')).toEqual({ code: 5, stdout: '', stderr: 'metric: no series is called gone_up\n' });
    answers = () => [404, 'nothing here'];
    expect((await metric('database_up')).code).toBe(1);
    const away = await runScript('metric', ['database_up'], { env: { METRICS_URL: 'http://127.0.0.1:1' } });
    expect([away.code, away.stderr]).toEqual([3, expect.stringContaining('is METRICS_URL right?')]);
  });

  test.each([
    [[], 'which metric? NAME is missing'],
    [['a', 'b'], 'one NAME at a time'],
    [
      ['a{b="c} 9"}'],
      'a NAME is of letters, digits and underscores, then one {label="value"} or none: not a{b="c} 9"}',
    ],
    [['a{b=c}'], 'a NAME is of letters, digits and underscores, then one {label="value"} or none: not a{b=c}'],
    [['--is', 'high', 'a'], '--is is a number, not high'],
    [['--is', '1', '--below', '2', 'a'], '--is or --below, and once'],
    [['--wait', 'long', 'a'], '--wait is a number of seconds from 0 to 600'],
  ])('%j is wrong usage', async (args, message) => {
    const { code, stdout, stderr } = await metric(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(`metric: ${message}\nmetric: see metric --help\n`);
  });
});
