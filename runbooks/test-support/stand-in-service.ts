import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const OPERATOR_KEY = 'pk_operator_for_this_test_only';
export const ORDER_ID = '01930b5e-7a4c-7cc1-9d2e-3f1a2b4c5d6e';

/** The part of the order service that the on-call scripts talk to, with switches for what can go wrong. */
export interface StandInService {
  readonly url: string;
  /** `METHOD path body` of every request, in order. */
  readonly requests: string[];
  /** The kill switch as the service holds it. */
  state: string;
  reason: string;
  /** What /health/ready answers. */
  readyStatus: number;
  /** A service that says 200 and changes nothing. */
  ignoresChanges: boolean;
  close(): Promise<void>;
}

/** Starts a stand-in on a free loopback port. */
export async function startStandInService(): Promise<StandInService> {
  const server = createServer((request, response) => {
    readBody(request).then(
      (body) => answer(service, request, body, response),
      (error: Error) => response.destroy(error),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const service: StandInService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    state: 'ACTIVE',
    reason: 'initial state',
    readyStatus: 200,
    ignoresChanges: false,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return service;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  return body;
}

function answer(service: StandInService, request: IncomingMessage, body: string, response: ServerResponse): void {
  const call = `${request.method} ${request.url}`;
  service.requests.push(body === '' ? call : `${call} ${body}`);
  const [status, value] = replyTo(service, call, request.headers.authorization, body);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function replyTo(service: StandInService, call: string, authorization: string | undefined, body: string) {
  if (call === 'GET /health/ready') return [service.readyStatus, { status: 'whatever' }] as const;
  if (authorization !== `Bearer ${OPERATOR_KEY}`)
    return [401, { code: 'unauthenticated', title: 'No such key' }] as const;
  if (call === 'PUT /api/v1/kill-switch' && !service.ignoresChanges) Object.assign(service, JSON.parse(body));
  if (call.endsWith(' /api/v1/kill-switch')) return [200, { reason: service.reason, state: service.state }] as const;
  if (call === `GET /api/v1/orders/${ORDER_ID}`) return [200, { id: ORDER_ID, status: 'OPEN' }] as const;
  if (call === `GET /api/v1/orders/${ORDER_ID}/events`) return [200, [{ version: 1, type: 'PLACED' }]] as const;
  return [404, { code: 'not_found' }] as const;
}
