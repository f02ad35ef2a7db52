import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { renderDocsPage } from '../src/http/docs-page.ts';
import { exampleOf, exampleOfRequest, type Schema } from '../src/http/examples.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { addAccount, addMarket } from './support/fixtures.ts';
import { addKey, type RunningApp, startApp } from './support/running-app.ts';

interface Media {
  readonly schema: Schema;
  readonly example: unknown;
}
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly (Media & { readonly name: string })[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, Media>> }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
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

function operations(): { name: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([route, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${route}`, operation })),
  );
}

/** Every example of the document beside the schema that it belongs to. */
function examples(): { where: string; schema: Schema; example: unknown }[] {
  const resolve = (schema: Schema): Schema => {
    const name = typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined;
    return name === undefined ? schema : (document.components.schemas[name] ?? {});
  };
  return operations().flatMap(({ name, operation }) => {
    const bodies = [
      ...Object.values(operation.requestBody?.content ?? {}).map((media) => ({ where: `${name} request`, ...media })),
      ...Object.entries(operation.responses).flatMap(([status, { content }]) =>
        Object.values(content).map((media) => ({ where: `${name} ${status}`, ...media })),
      ),
      ...operation.parameters.map((parameter) => ({ ...parameter, where: `${name} ${parameter.name}` })),
    ];
    return bodies.map((media) => ({ ...media, schema: resolve(media.schema) }));
  });
}

describe('the examples of /openapi.json', () => {
  it('stand beside every request, response and parameter, and fit their schemas', () => {
    const all = examples();
    expect(all.length).toBeGreaterThan(80);
    const wrong = all.flatMap(({ where, schema, example }) => {
      if (example === undefined) return [`${where}: has none`];
      const { success, error } = z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema).safeParse(example);
      return success ? [] : [`${where}: ${JSON.stringify(example)} ${error.message}`];
    });
    expect(wrong).toEqual([]);
  });

  it('can be sent as they stand: the one of a placement places an order', async () => {
    const pool = db.pool();
    await addMarket(pool);
    const key = await addKey(pool, 'trader', await addAccount(pool, '1000000'));
    await db.query('UPDATE market.quotes SET bid = 63999, ask = 64001, as_of = now()');
    const example = document.paths['/api/v1/orders']?.post?.requestBody?.content['application/json']?.example;
    const answer = await service.place(key, example);
    expect([answer.status, answer.json.status]).toEqual([201, 'OPEN']);
    const described = document.paths['/api/v1/orders']?.post?.responses['201']?.content['application/json']?.example;
    expect(Object.keys(answer.json)).toEqual(Object.keys(described as object));
  });

  it.each<[string, Schema, unknown]>([
    ['what the schema gives', { type: 'string', examples: ['given'] }, 'given'],
    ['a constant', { const: 7 }, 7],
    ['what the name means', { type: 'string' }, 'BTCUSDT'],
    ['a choice that the name does not fit', { enum: ['A', 'B'] }, 'A'],
    ['the string of several types', { anyOf: [{ type: 'number' }, { type: 'string', const: 'x' }] }, 'x'],
    ['a type beside null', { type: ['null', 'integer'], minimum: 3 }, 3],
    ['an open object', { type: 'object', additionalProperties: {} }, {}],
    ['anything', {}, null],
  ])('are made from %s', (_what, schema, expected) => {
    expect(exampleOf(schema, 'symbol')).toEqual(expected);
  });

  it('of a request leave out what is optional', () => {
    const properties = { side: { enum: ['BUY'] }, price: { type: 'string' } };
    expect(exampleOfRequest({ type: 'object', properties, required: ['side'] })).toEqual({ side: 'BUY' });
  });
});

describe('/docs', () => {
  it('shows every operation, loads nothing, runs nothing, and says so in its policy', async () => {
    const { status, headers, text } = await service.ask('GET', '/docs');
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    for (const { operation } of operations()) {
      expect(text).toContain(`<section id="${operation.operationId}">`);
      expect(text).toContain(`href="#${operation.operationId}"`);
    }
    expect(text.match(/<section /g)).toHaveLength(operations().length);
    expect(text).not.toMatch(/<script|<iframe|<img|<object|javascript:|\son\w+=|\sstyle=|@import|url\(|https?:\/\//i);
    const [, style = ''] = /<style>([\s\S]*)<\/style>/.exec(text) ?? [];
    const digest = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
  });

  it('shows hostile text as text', () => {
    const evil = `"><script>alert('x')</script>&`;
    const media = { schema: { type: 'object', properties: { [evil]: { description: evil } } }, example: evil };
    const parameter = {
      name: evil,
      in: evil,
      required: true,
      description: evil,
      schema: { const: evil },
      example: evil,
    };
    const operation = {
      ...{ summary: evil, operationId: evil, security: [{ apiKey: [evil] }], parameters: [parameter] },
      requestBody: { content: { [evil]: media } },
      responses: { [evil]: { description: evil, content: { [evil]: media } } },
    };
    const info = { title: evil, version: evil, description: evil };
    const page = renderDocsPage({ info, paths: { [evil]: { [evil]: operation } } });
    expect(page).not.toMatch(/<script|alert\('/);
    expect(page.match(/&lt;script&gt;/gi)?.length).toBeGreaterThan(15);
  });
});

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The machine's own browser; undefined where there is none, and then the tests below are shown as skipped. */
function findBrowser(): string | undefined {
  const places = (process.env.PATH ?? '').split(path.delimiter);
  const files = places.flatMap((place) => BROWSERS.map((name) => path.join(place, name)));
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const executablePath = findBrowser();

describe.skipIf(executablePath === undefined)('/docs in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    // The page is our own and the browser a throwaway one; as root, which containers are, it has no other way to start.
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] });
  });
  afterAll(() => browser.close());

  interface Look {
    readonly page: Page;
    readonly requests: readonly string[];
    readonly complaints: readonly string[];
  }
  async function open(width: number, colorScheme: 'light' | 'dark'): Promise<Look> {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    const [requests, complaints]: [string[], string[]] = [[], []];
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${service.url}/docs`);
    return { page, requests, complaints };
  }

  it.each([
    [360, 'light'],
    [360, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)(
    '%i pixels wide, %s: fits, can be read, asks for nothing else, breaks no policy',
    async (width, scheme) => {
      const { page, requests, complaints } = await open(width, scheme);
      // As text: what runs in the page has the browser's types, which nothing else here has.
      await page.evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const colour = async (selector: string, property: string): Promise<number[]> => {
        const text = await page.evaluate(`getComputedStyle(document.querySelector('${selector}')).${property}`);
        return (String(text).match(/\d+/g) ?? []).map(Number);
      };
      const colours = {
        back: await colour('body', 'backgroundColor'),
        fronts: [await colour('body', 'color'), await colour('.soft', 'color'), await colour('a', 'color')],
      };
      for (const front of colours.fronts) expect(contrast(front, colours.back)).toBeGreaterThan(4.5);
      expect(luminance(colours.back) > 0.5).toBe(scheme === 'light');
      expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([`${service.url}/docs`]);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  it('leads from the list to an operation, whose answers open by keyboard', async () => {
    const { page } = await open(360, 'light');
    await page.click('nav a[href="#post_api_v1_orders"]');
    const section = page.locator('#post_api_v1_orders');
    expect(await section.locator('h2').innerText()).toBe('POST /api/v1/orders');
    expect(await section.locator('details pre').first().isVisible()).toBe(false);
    await section.locator('summary').first().press('Enter');
    expect(await section.locator('details pre').first().isVisible()).toBe(true);
    await page.close();
  });
});

/** WCAG 2.2, relative luminance of an sRGB colour of 0 to 255. */
function luminance([red = 0, green = 0, blue = 0]: readonly number[]): number {
  const linear = (channel: number) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function contrast(left: readonly number[], right: readonly number[]): number {
  const [bright, dark] = [luminance(left), luminance(right)].sort((a, b) => b - a);
  return ((bright ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}
