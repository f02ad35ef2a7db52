import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { GET } from './api/process-orders.ts';

const KEY = randomBytes(32).toString('hex');
const SECRET = randomBytes(16).toString('hex');
const textOf = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly authorization: string | undefined;
}

/** Stands in for the order service: answers with what the test has set, the last answer again and again. */
let server: Server;
let url: string;
let seen: Seen[];
let answers: { status: number; body: string }[];
let directory: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push({ method: request.method, url: request.url, authorization: request.headers.authorization });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    response.writeHead(answer?.status ?? 500, { 'content-type': 'application/json' }).end(answer?.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
  await once(server, 'close');
});
beforeEach(() => {
  seen = [];
  directory = mkdtempSync(join(tmpdir(), 'cron-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const asked: Seen = { method: 'POST', url: '/api/trade/process-orders', authorization: `Bearer ${KEY}` };
const ran = (sessionOpen: boolean) => ({ status: 200, body: JSON.stringify({ status: 'ran', sessionOpen }) });
const running = { status: 202, body: '{"status":"running","startedAt":null}' };

/** Runs a script as its scheduler would, with this environment and no other; both outputs as one text. */
async function run(command: string, args: readonly string[], env: Record<string, string>) {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  return { code, output };
}

describe('the server’s crontab', () => {
  const lines = textOf('crontab').split('\n');
  const commands = lines.filter((line) => /^[*\d]/.test(line)).map((line) => line.split(/\s+/).slice(5).join(' '));
  const [, curl = ''] = /^CURL="(.*)"$/m.exec(lines.join('\n')) ?? [];
  const calls = commands.filter((command) => command.includes('process-orders'));
  const call = () => {
    writeFileSync(
      join(directory, 'process-orders.curl'),
      `url = "${url}/api/trade/process-orders"\nheader = "Authorization: Bearer ${KEY}"\n`,
    );
    return run('/bin/sh', ['-c', calls[0] ?? ''], { HOME: directory, CURL: curl });
  };

  test('has three lines that call, all in the same way', () => {
    expect(calls).toHaveLength(3);
    expect(new Set(calls).size).toBe(1);
  });

  test.each([[ran(true)], [running]])('says nothing when all is well', async (answer) => {
    answers = [answer];
    expect(await call()).toEqual({ code: 0, output: '' });
    expect(seen).toEqual([asked]);
  });

  test('says so, and without the key, when the service refuses', async () => {
    answers = [{ status: 401, body: '{}' }];
    const { code, output } = await call();
    expect(code).not.toBe(0);
    expect(output).toContain('401');
    expect(output).not.toContain(KEY);
  });

  test('tells of a server that has left UTC, and of no other', async () => {
    const guard = commands.find((command) => command.includes('date'))?.replaceAll('\\%', '%') ?? '';
    expect(await run('/bin/sh', ['-c', guard], { TZ: 'UTC' })).toEqual({ code: 0, output: '' });
    const { output } = await run('/bin/sh', ['-c', guard], { TZ: 'XYZ5' });
    expect(output).toBe('this crontab is written in UTC, and this server runs in XYZ\n');
  });
});

describe('the function for Vercel', () => {
  const ask = (authorization?: string) =>
    GET(new Request('https://cron.example/api/process-orders', { headers: authorization ? { authorization } : {} }));
  beforeEach(() => {
    Object.assign(process.env, { CRON_SECRET: SECRET, ORDER_SERVICE_URL: url, ORDER_PROCESSING_API_KEY: KEY });
  });
  afterEach(() => {
    for (const name of ['CRON_SECRET', 'ORDER_SERVICE_URL', 'ORDER_PROCESSING_API_KEY']) delete process.env[name];
  });

  test('is the one that vercel.json calls', () => {
    const { crons } = JSON.parse(textOf('vercel.json')) as { crons: { path: string }[] };
    expect(new Set(crons.map(({ path }) => path))).toEqual(new Set(['/api/process-orders']));
  });

  test.each([
    [ran(true), 200],
    [running, 200],
    [{ status: 503, body: '{}' }, 502],
    [{ status: 301, body: '' }, 502],
  ])('makes the POST with the processing key: %j → %i', async (answer, status) => {
    answers = [answer];
    const reply = await ask(`Bearer ${SECRET}`);
    expect(reply.status).toBe(status);
    expect(await reply.text()).not.toContain(KEY);
    expect(seen).toEqual([asked]);
  });

  test.each([undefined, `Bearer ${SECRET}x`, SECRET, `Bearer ${KEY}`, 'Bearer '])(
    'refuses whoever does not know the secret: %s',
    async (authorization) => {
      expect((await ask(authorization)).status).toBe(401);
      expect(seen).toEqual([]);
    },
  );

  test.each(['CRON_SECRET', 'ORDER_SERVICE_URL', 'ORDER_PROCESSING_API_KEY'])(
    'asks nobody without %s',
    async (name) => {
      delete process.env[name];
      expect((await ask(`Bearer ${SECRET}`)).status).toBe(500);
      expect(seen).toEqual([]);
    },
  );

  test('says that the service is away', async () => {
    process.env.ORDER_SERVICE_URL = 'http://127.0.0.1:1';
    const reply = await ask(`Bearer ${SECRET}`);
    expect([reply.status, await reply.json()]).toEqual([502, { message: 'process-orders gave no answer: TypeError' }]);
  });
});

describe('the workflow for GitHub', () => {
  interface Workflow {
    readonly jobs: {
      readonly 'process-orders': {
        readonly env: Record<string, string>;
        readonly steps: readonly { readonly run: string; readonly env: Record<string, string> }[];
      };
    };
  }
  const { 'process-orders': job } = (parse(textOf('process-orders.yml')) as Workflow).jobs;
  const [step] = job.steps;
  // GitHub's own way to run a step: bash -e. Without pauses, since no test waits for the clock.
  const start = () =>
    run('bash', ['--noprofile', '--norc', '-e', '-c', step?.run ?? ''], {
      ...job.env,
      MINUTES_BETWEEN_CALLS: '0',
      ORDER_SERVICE_URL: url,
      ORDER_PROCESSING_API_KEY: KEY,
    });

  test('takes both from the repository, and has neither in it', () => {
    expect(Object.keys(step?.env ?? {})).toEqual(['ORDER_SERVICE_URL', 'ORDER_PROCESSING_API_KEY']);
    expect(step?.env.ORDER_PROCESSING_API_KEY).toBe('$' + '{{ secrets.ORDER_PROCESSING_API_KEY }}');
  });

  test('calls ten times while a session is open, and keeps the key to itself', async () => {
    answers = [ran(true)];
    const { code, output } = await start();
    expect(code).toBe(0);
    expect(seen).toEqual(Array.from({ length: 10 }, () => asked));
    expect(output).not.toContain(KEY);
  });

  test('ends when the session does, or when there is none', async () => {
    answers = [ran(true), running, ran(false)];
    expect((await start()).code).toBe(0);
    expect(seen).toHaveLength(3);
    seen = [];
    expect((await start()).code).toBe(0);
    expect(seen).toHaveLength(1);
  });

  test('fails when the service refuses', async () => {
    answers = [{ status: 401, body: '{"code":"unauthenticated"}' }];
    const { code, output } = await start();
    expect(code).not.toBe(0);
    expect(output).toContain('unauthenticated');
  });
});
