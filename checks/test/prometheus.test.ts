import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { loadConfig, partOf } from '../src/config.ts';
import uptimeIsMet from '../src/gates/slo/uptime-is-met.ts';
import { queryNumber, queryPrometheus } from '../src/io/prometheus.ts';
import { readPromql } from '../src/io/promql.ts';
import { repositoryRoot } from './support/look.ts';

const closings: (() => void)[] = [];
afterEach(() => {
  for (const close of closings.splice(0)) close();
});

/** A Prometheus that gives the same answer to everything. */
async function answering(status: number, body: string): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closings.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const vector = (...values: string[]) =>
  JSON.stringify({
    status: 'success',
    data: { resultType: 'vector', result: values.map((value) => ({ metric: { a: 'b' }, value: [1, value] })) },
  });
const signal = AbortSignal.timeout(10_000);

test('a number is read as Prometheus writes it', async () => {
  expect(await queryNumber(await answering(200, vector('0.5')), 'x', signal)).toBe(0.5);
  expect(await queryNumber(await answering(200, vector('+Inf')), 'x', signal)).toBe(Infinity);
  expect(await queryPrometheus(await answering(200, vector('1', '2')), 'x', signal)).toHaveLength(2);
});

test.each([
  ['no series', 200, vector(), 'nothing was measured'],
  ['no number', 200, vector('NaN'), 'nothing was measured'],
  ['two series', 200, vector('1', '2'), 'is 2 series'],
  ['a refusal', 400, '{"status":"error","error":"parse error"}', 'refuses to answer: parse error'],
  ['a page of a proxy', 502, '<html>', 'answered 502 and nothing that Prometheus says'],
])('%s is an error and no value', async (_, status, body, message) => {
  await expect(queryNumber(await answering(status, body), 'x', signal)).rejects.toThrow(message);
});

test('a past that was hardly measured keeps no promise: the gate cannot look', async () => {
  const config = await loadConfig(repositoryRoot);
  const look = (prometheus: string | undefined) =>
    uptimeIsMet.observe({
      signal,
      config: {
        ...config,
        target: { url: 'http://127.0.0.1', names: [], keys: {}, safeToBreak: false, faults: [], prometheus },
      },
    } as unknown as Parameters<typeof uptimeIsMet.observe>[0]);
  await expect(look(await answering(200, vector('0.12')))).rejects.toThrow('only 12 % of the last 7 days');
  await expect(look(await answering(200, vector()))).rejects.toThrow('nothing was measured');
  await expect(look(undefined)).rejects.toThrow('names no Prometheus');
});

test('what this repository asks is PromQL, of metrics that are exported', async () => {
  const config = await loadConfig(repositoryRoot);
  const { probe, resources, requests, executions, statements } = partOf(config, 'slo');
  const promised = new Set(partOf(config, 'metrics').promised.map(({ name }) => name));
  for (const name of [requests.histogram, executions.counter, statements.histogram]) expect(promised).toContain(name);
  const probes = [...Object.values(probe), ...partOf(config, 'monitoring').probes.map(({ selector }) => selector)];
  for (const expression of [...probes, ...Object.values(resources)]) {
    expect(readPromql(expression).faultAt, expression).toBeNull();
  }
  for (const expression of Object.values(resources))
    for (const { metric } of readPromql(expression).selectors) expect(promised).toContain(metric);
});
