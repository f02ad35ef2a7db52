import { createHash } from 'node:crypto';
import * as z from 'zod';
import { renderDocsPage } from './docs-page.ts';
import { DOCS_STYLE } from './docs-style.ts';
import { type Json, openApiDocument } from './openapi.ts';
import { type Route, route } from './route.ts';

/** The page loads nothing and runs nothing: its one style sheet is inside it, and allowed by what it is. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(DOCS_STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Works something out when it is first asked for, to keep the start quick. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** `GET /openapi.json` and `GET /docs`, over the given routes and these two: both from one document. */
export function documentRoutes(routes: readonly Route[]): readonly Route[] {
  const document = once((): Json => openApiDocument([...routes, ...own]));
  const [json, page] = [once(() => JSON.stringify(document())), once(() => renderDocsPage(document()))];
  const own: readonly Route[] = [
    route({
      method: 'GET',
      path: '/openapi.json',
      summary: 'This document.',
      access: 'public',
      responses: { 200: { description: 'OpenAPI 3.1', schema: z.looseObject({ openapi: z.string() }) } },
      handler: async () => ({ status: 200, body: json() }),
    }),
    route({
      method: 'GET',
      path: '/docs',
      summary: 'This document as a page.',
      access: 'public',
      responses: {
        200: {
          description: 'A page that needs nothing else.',
          contentType: 'text/html',
          schema: z.string().meta({ examples: ['<!doctype html>…'] }),
        },
      },
      handler: async () => ({
        status: 200,
        body: page(),
        headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY },
      }),
    }),
  ];
  return own;
}
