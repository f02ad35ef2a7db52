import { describe, expect, test } from 'vitest';
import { hostileRequests } from '../src/gates/http/support/hostile.ts';
import { givenAway } from '../src/gates/http/support/inside.ts';
import { apiOf } from '../src/gates/http/support/operations.ts';

const note = {
  type: 'object',
  properties: { text: { type: 'string', maxLength: 20 } },
  required: ['text'],
  additionalProperties: false,
};
const document = {
  openapi: '3.1.1',
  paths: {
    '/notes': {
      post: {
        security: [{ key: [] }],
        parameters: [
          { name: 'Idempotency-Key', in: 'header' as const, schema: { type: 'string', pattern: '^[!-~]{1,60}$' } },
        ],
        requestBody: { content: { 'application/json': { schema: note } } },
        responses: {
          201: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Note' } } } },
          400: { content: { 'application/problem+json': { schema: { type: 'object' } } } },
        },
      },
      get: {
        parameters: [{ name: 'limit', in: 'query' as const, schema: { type: 'integer', minimum: 1, maximum: 10 } }],
        responses: { default: {} },
      },
    },
    '/notes/{id}': {
      put: { requestBody: { content: { 'application/json': { schema: note, example: { text: 'a' } } } } },
    },
  },
  components: { schemas: { Note: { ...note, properties: { text: { type: 'string' }, id: { type: 'string' } } } } },
};
const write = {
  request: { method: 'POST' as const, path: '/notes', body: { text: 'hello' } },
  idempotencyHeader: 'Idempotency-Key',
  acceptedStatus: 201,
  idField: 'id',
  storedIds: 'SELECT id FROM notes',
};
const service = { publicRoutes: ['GET /notes'] } as unknown as Parameters<typeof apiOf>[1]['service'];
const api = await apiOf(document, { service, write });
const [post, get] = api.operations;
if (!post || !get) throw new Error('the document has two operations of /notes');

describe('an answer is compared with the document', () => {
  const answer = (status: number, text: string, contentType = 'application/json; charset=utf-8') =>
    api.faultsOf(post, { status, text, contentType });

  test.each([
    [answer(201, '{"id":"1","text":"hello"}'), []],
    [answer(201, '{"id":"1"}'), ["it must have required property 'text'"]],
    [answer(201, '{"id":1,"text":"hello"}'), ['/id must be string']],
    [answer(201, '{'), ['it is no JSON']],
    [answer(400, '{}'), ['its content type is application/json, and the document says application/problem+json']],
    [answer(400, '{}', 'application/problem+json'), []],
    [answer(418, '{}'), ['the status 418 is not among those that the document names']],
    [api.faultsOf(get, { status: 500, text: 'x', contentType: 'text/plain' }), undefined],
  ])('%#: %j', (faults, wanted) => expect(faults).toEqual(wanted));
});

test('operations know whether they are public, secured, and which of them is the configured write', () => {
  expect(api.operations.map(({ name, isPublic, isSecured, isWrite }) => [name, isPublic, isSecured, isWrite])).toEqual([
    ['POST /notes', false, true, true],
    ['GET /notes', true, false, false],
    ['PUT /notes/{id}', false, false, false],
  ]);
});

describe('hostile requests', () => {
  const requests = hostileRequests(api, { write });
  const of = (name: string) => requests.filter(({ operation }) => operation.name === name);

  test('are the same in each run, but for the idempotency keys', () => {
    const shown = (all: typeof requests) => all.map(({ what, forbidden }) => `${what} ${forbidden}`);
    expect(shown(hostileRequests(api, { write }))).toEqual(shown(requests));
  });

  test('say of each whether the schema allows it', () => {
    const forbidden = new Map(of('POST /notes').map((each) => [each.what, each.forbidden]));
    expect(forbidden.get('body: cut short')).toBe(true);
    expect(forbidden.get('body: a list')).toBe(true);
    expect(forbidden.get('body: without text')).toBe(true);
    expect(forbidden.get('body: a field __proto__')).toBe(true);
    expect(forbidden.get('body: text = ""')).toBe(false);
    expect(forbidden.get('body: 10000 levels of lists')).toBe(true);
  });

  test('beside the configured write hold only what the schema forbids, so that nothing takes effect', () => {
    expect(of('PUT /notes/{id}').length).toBeGreaterThan(10);
    expect(of('PUT /notes/{id}').every(({ forbidden }) => forbidden)).toBe(true);
  });

  test('reach the query, the header and the body', () => {
    expect(of('GET /notes').some(({ request }) => request.path.startsWith('/notes?limit='))).toBe(true);
    expect(of('POST /notes').some(({ headers }) => (headers['Idempotency-Key'] ?? '').includes("'"))).toBe(true);
    expect(of('POST /notes').some(({ request }) => request.text?.includes('1e400'))).toBe(true);
  });
});

describe('what an error gives away', () => {
  test.each([
    ['{"stack":"Error\\n    at f (/srv/a.js:1:2)"}', 'a stack trace'],
    ['cannot open /home/app/config.json', 'a path of its machine'],
    ['SELECT id, cash FROM accounts WHERE id = 1', 'a statement'],
    ['duplicate key value violates unique constraint', 'a message of the database'],
    ['connect ECONNREFUSED', 'an error of the operating system'],
    ['cannot reach 10.0.0.7:5432', 'an address of its network'],
    ['TypeError: x is not a function', 'an error of the language'],
    ['see shop.orders', 'the name shop.orders'],
  ])('%s: %s', (text, what) => expect(givenAway(text, ['shop.orders']).join()).toContain(what));

  test.each([
    '{"detail":"This key is not known, has expired or was revoked."}',
    '{"detail":"Select a symbol from the list."}',
    '{"detail":"quantity: must be a positive decimal number","instance":"/api/v1/orders"}',
  ])('is nothing in: %s', (text) => expect(givenAway(text, ['shop.orders'])).toEqual([]));
});
