import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeRoutes } from '../src/app.ts';
import { liveRoutes } from '../src/http/live-routes.ts';
import { openApiPath } from '../src/http/openapi.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { type RunningApp, startApp } from './support/running-app.ts';

interface Operation {
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Readonly<Record<string, unknown>> }>>;
  };
  readonly responses: Readonly<Record<string, { readonly description: string }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let db: TestDatabase;
let service: RunningApp;
let document: Document;

beforeAll(async () => {
  db = await createTestDatabase();
  service = await startApp(db.url);
  document = JSON.parse((await service.ask('GET', '/openapi.json')).text);
});
afterAll(async () => {
  await service.close();
  await db.drop();
});

function operations(): { method: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

const sorted = (names: readonly string[]): string[] => [...names].sort();

describe('/openapi.json', () => {
  it('describes exactly the routes of the live router', () => {
    expect(document.openapi).toBe('3.1.1');
    const live = liveRoutes(service.app.express).map((route) => `${route.method} ${openApiPath(route.path)}`);
    expect(sorted(operations().map(({ method, path }) => `${method} ${path}`))).toEqual(sorted(live));
    expect(describeRoutes()).toEqual(liveRoutes(service.app.express));
  });

  it('shows a route that somebody added beside the list', () => {
    const before = liveRoutes(service.app.express);
    service.app.express.get('/backdoor', (_request, response) => response.end());
    const added = liveRoutes(service.app.express).filter((route) => !before.some((each) => each.path === route.path));
    expect(added).toEqual([{ method: 'GET', path: '/backdoor' }]);
  });

  it('says of every operation which keys it takes, and of every guarded one that it answers 401', () => {
    for (const { path, operation } of operations()) {
      const isPublic = ['/health', '/health/ready', '/api/v1/health', '/openapi.json', '/docs'].includes(path);
      expect([path, operation.security.length]).toEqual([path, isPublic ? 0 : 1]);
      if (!isPublic)
        expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403', '429', '503']));
    }
    expect(document.paths['/api/v1/kill-switch']?.put?.security).toEqual([{ apiKey: ['operator', 'admin'] }]);
    expect(document.paths['/api/trade/process-orders']?.post?.security).toEqual([{ processorKey: [] }]);
  });

  it('describes parameters and bodies as they are checked', () => {
    const post = document.paths['/api/v1/orders']?.post;
    expect(post?.parameters).toMatchObject([{ name: 'Idempotency-Key', in: 'header', required: true }]);
    const schema = post?.requestBody?.content['application/json']?.schema;
    expect(schema).toMatchObject({
      additionalProperties: false,
      required: ['symbol', 'side', 'type', 'quantity', 'mode'],
      properties: { quantity: { anyOf: [{ type: 'number' }, { type: 'string' }] } },
    });
    expect(document.paths['/api/v1/orders/{id}']?.get?.parameters).toMatchObject([
      { name: 'id', in: 'path', required: true },
    ]);
    const query = document.paths['/api/v1/orders']?.get?.parameters.map(({ name, required }) => [name, required]);
    expect(query).toEqual([
      ['accountId', false],
      ['status', false],
      ['symbol', false],
      ['cursor', false],
      ['limit', false],
    ]);
  });
});
