import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { run } from '../src/commands/run.ts';
import { reporterNames } from '../src/reporters/reporter.ts';
import type { Sandbox } from '../src/sandbox/sandbox.ts';

/** What the leaking gate was given: all the keys of the stack. */
const leaked: string[] = [];

vi.mock('../src/all.ts', async (original) => {
  const { allChecks } = await original<typeof import('../src/all.ts')>();
  const { fakeGate } = await import('./support/fake-checks.ts');
  const keysOf = ({ credentials, service }: Sandbox) => {
    const { ORDER_PROCESSING_API_KEY: processing = '' } = service.environment;
    return [...credentials.writers, credentials.operator, processing, process.env.CANARY_API_KEY ?? ''];
  };
  const tells = fakeGate('leaks/tells-every-key', {
    needs: ['sandbox'],
    async observe({ sandbox, progress }) {
      leaked.push(...keysOf(sandbox));
      for (const key of leaked) progress(`trying ${key}`);
      return { examined: leaked.length, facts: leaked.map((key) => `${sandbox.url}/?key=${key}`) };
    },
  });
  const breaks = fakeGate('leaks/breaks-with-a-key', {
    needs: ['sandbox'],
    observe: ({ sandbox }) => Promise.reject(new Error(`refused: ${keysOf(sandbox).join(' ')}`)),
  });
  return { allChecks: [...allChecks, tells, breaks] };
});

let directory: string;
beforeAll(() => {
  vi.stubEnv('CANARY_API_KEY', 'canary/from the+environment');
  directory = mkdtempSync(join(tmpdir(), 'preflight-test-'));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

/** Keeps what is written to it. */
function listener(): { stream: NodeJS.WriteStream; said(): string } {
  const pieces: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      pieces.push(chunk.toString());
      done();
    },
  });
  // A terminal, so that progress is shown too.
  return {
    stream: Object.assign(stream, { isTTY: true, columns: 10_000 }) as unknown as NodeJS.WriteStream,
    said: () => pieces.join(''),
  };
}

function filesIn(root: string): string[] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

test('no report of a real run shows a key of its stack, though gates say and see them', async () => {
  const [stdout, stderr] = [listener(), listener()];
  const reporter = ['console', ...reporterNames.map((name) => `${name}=${join(directory, name)}`)];
  const flags = { config: 'preflight.config.ts', profile: 'commit', skip: [], failOn: 'blocker', reporter } as const;
  const code = await run(
    ['leaks/*', 'http/every-endpoint-needs-a-key'],
    {
      ...flags,
      skip: [],
      reporter: [...reporter],
      concurrency: 2,
      timeoutFactor: 2,
      maxAge: 1,
      tag: [],
      long: false,
      cache: false,
      evidence: join(directory, 'evidence'),
    },
    { stdout: stdout.stream, stderr: stderr.stream },
  );
  expect(code).toBe(1);
  expect(leaked.length).toBeGreaterThan(10);
  for (const key of leaked) expect(key.length).toBeGreaterThan(8);
  const outputs = reporterNames.map((name) => [name, readFileSync(join(directory, name), 'utf8')] as const);
  const evidence = filesIn(join(directory, 'evidence')).map((path) => [path, readFileSync(path, 'utf8')] as const);
  expect(evidence.length).toBeGreaterThan(4);
  for (const [name, text] of [...outputs, ...evidence, ['stdout', stdout.said()], ['stderr', stderr.said()]] as const) {
    expect(text.length, name).toBeGreaterThan(100);
    for (const key of leaked) expect(text.includes(key), `${name} shows a key of the stack`).toBe(false);
  }
  // The leaks were there to be taken out.
  const json = outputs.find(([name]) => name === 'json')?.[1] ?? '';
  expect(json).toContain('refused: [redacted] [redacted]');
  expect(json).toContain('/?key=[redacted]');
});
