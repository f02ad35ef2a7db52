import express, { type RequestHandler } from 'express';
import { HttpError } from './errors.ts';
import { InexactNumberError, parseExactJson, TooDeepError } from './exact-json.ts';

/** The parsed bodies of requests that are being answered. */
const bodies = new WeakMap<object, unknown>();

/** What `parseJsonBody` read; undefined on routes without a body. */
export function bodyOf(request: object): unknown {
  return bodies.get(request);
}

/** Nothing that this service takes has more than a few levels. */
const DEPTH_MAX = 16;

function parse(text: string): unknown {
  try {
    return parseExactJson(text, DEPTH_MAX);
  } catch (error) {
    if (error instanceof TooDeepError) throw new HttpError('body_too_deep', { details: { depthMax: DEPTH_MAX } });
    if (error instanceof InexactNumberError) {
      const message = `A double cannot carry ${error.source} exactly: send it as a string, "${error.source}".`;
      throw new HttpError('inexact_number', { message, details: { field: error.field } });
    }
    // The parser's own message quotes the text, so it goes no further than this.
    throw new HttpError('invalid_request', { message: 'The body is not valid JSON.' });
  }
}

const parseText: RequestHandler = (request, _response, next) => {
  const text: unknown = request.body;
  // The text parser leaves the body alone when the content type is not JSON.
  if (typeof text !== 'string') throw new HttpError('unsupported_media_type');
  bodies.set(request, parse(text));
  next();
};

/**
 * Reads a JSON body of at most `limitBytes`. Compressed bodies are refused: an order is small, and what is small on the
 * wire need not be small in memory.
 */
export function parseJsonBody(limitBytes: number): readonly RequestHandler[] {
  return [express.text({ type: 'application/json', limit: limitBytes, inflate: false }), parseText];
}
