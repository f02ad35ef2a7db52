import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { exec, execOrThrow, lastLines } from '../src/io/exec.ts';
import { until } from './support/until.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'preflight-exec-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const bash = (script: string, options = {}) => exec('bash', ['-c', script], options);

describe('what a program answers', () => {
  test('its exit code and both of its outputs', async () => {
    expect(await bash('echo out; echo err >&2; exit 7')).toMatchObject({
      ...{ code: 7, stdout: 'out\n', stderr: 'err\n', timedOut: false },
    });
  });

  test('it reads its input to the end, and need not', async () => {
    expect((await exec('cat', [], { input: 'héllo' })).stdout).toBe('héllo');
    expect((await exec('true', [], { input: 'x'.repeat(1_000_000) })).code).toBe(0);
  });

  test('characters that arrive in two pieces are whole', async () => {
    const [first, second] = ['\\xc3', '\\xa9'];
    expect((await bash(`printf '${first}'; sleep 0.05; printf '${second}'`)).stdout).toBe('é');
  });

  test('who is ended by a signal has no exit code of its own', async () => {
    expect((await bash('kill -KILL $$')).code).toBe(137);
    expect((await bash('kill -TERM $$')).code).toBe(128);
  });

  test('it has the environment and directory that it is given, and no other', async () => {
    const env = { PATH: process.env.PATH, ONLY: 'this' };
    const { stdout } = await exec('bash', ['-c', 'pwd; echo $ONLY$HOME'], { cwd: '/', env });
    expect(stdout).toBe('/\nthis\n');
  });
});

describe('what is no answer', () => {
  test('a program that is not there', async () => {
    await expect(exec('/nowhere/at-all', [])).rejects.toThrow('/nowhere/at-all could not be started');
  });

  test('more output than anybody reads', async () => {
    await expect(exec('yes', [])).rejects.toThrow('yes printed more than 33554432 bytes');
  });

  test('an abort before it began', async () => {
    await expect(async () => exec('true', [], { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow(
      'too late',
    );
  });

  test('a step that has to succeed and does not: its last lines are in the error', async () => {
    await expect(execOrThrow('bash', ['-c', 'echo no such thing >&2; exit 3'])).rejects.toThrow(
      /ended with exit code 3: no such thing$/,
    );
    await expect(execOrThrow('bash', ['-c', 'exit 3'])).rejects.toThrow(/: it printed nothing$/);
    expect((await execOrThrow('echo', ['fine'])).stdout).toBe('fine\n');
  });

  test('the last lines are few, and of stderr where there are some', () => {
    const result = { code: 1, stdout: 'a\nb\nc\n', stderr: '', timedOut: false, durationMs: 1 };
    expect(lastLines(result, 2)).toBe('b\nc');
    expect(lastLines({ ...result, stderr: 'x\ny\n' }, 1)).toBe('y');
  });
});

describe('a program that goes on', () => {
  /** Starts a child that starts a child, which notes its number and would run for a long time. */
  function family(name: string) {
    const file = join(directory, name);
    return {
      script: `bash -c 'sleep 300 & echo $! >"${file}.new"; mv "${file}.new" "${file}"; wait'; echo done`,
      async grandchild(): Promise<number> {
        await until('the grandchild runs', () => existsSync(file));
        return Number(readFileSync(file, 'utf8'));
      },
    };
  }

  /** A zombie is gone too: it only waits to be counted. */
  function isGone(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    } catch {
      return true;
    }
  }

  test('is ended by an abort together with its grandchildren, and the reason is told', async () => {
    const controller = new AbortController();
    const { script, grandchild } = family('abort');
    const running = bash(script, { signal: controller.signal });
    const ended = expect(running).rejects.toThrow('interrupted');
    const pid = await grandchild();
    expect(isGone(pid)).toBe(false);
    controller.abort(new Error('interrupted'));
    await ended;
    await until('the grandchild is gone', () => isGone(pid));
  });

  test('is ended when its time is up together with its grandchildren, and that is its answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { script, grandchild } = family('timeout');
      const running = bash(script, { timeoutMs: 60_000 });
      const pid = await grandchild();
      vi.advanceTimersByTime(59_999);
      expect(isGone(pid)).toBe(false);
      vi.advanceTimersByTime(1);
      expect(await running).toMatchObject({ code: 137, timedOut: true, stdout: '' });
      await until('the grandchild is gone', () => isGone(pid));
    } finally {
      vi.useRealTimers();
    }
  });
});
