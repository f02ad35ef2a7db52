import type * as z from 'zod';
import type { Logger } from '../telemetry/logger.ts';
import { parseInput } from './input.ts';
import type { Access, Principal } from './principal.ts';

/** What a handler answers. A string body is sent byte for byte; anything else is rendered as JSON. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request after parsing and validation. */
export interface RouteRequest<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly principal: Principal;
  /** Checked on routes that declare `idempotent`; empty on all others. */
  readonly idempotencyKey: string;
  readonly requestId: string;
  readonly log: Logger;
  /** Puts an order's id on the request's log lines and on its span: what leads from the request to the order's fills. */
  readonly correlate: (orderId: string) => void;
}

/** A request as it came, before the route's schemas have seen it. */
export type RawRequest = RouteRequest<unknown, unknown, unknown>;

/** One possible answer of a route, for the OpenAPI document. Errors common to all routes are added there. */
export interface ResponseSpec {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Default: application/json. */
  readonly contentType?: string;
}

interface RouteSpec<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** The full path in Express's form, such as `/api/v1/orders/:id`. */
  readonly path: string;
  readonly summary: string;
  readonly access: Access;
  /** Stops trading or keeps it going: never refused for load. Its path has no parameters. */
  readonly essential?: boolean;
  /** Needs an `Idempotency-Key`. */
  readonly idempotent?: boolean;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** A body for the OpenAPI document. Default: made of what the schema requires. */
  readonly example?: z.input<B>;
  readonly responses: Readonly<Record<number, ResponseSpec>>;
  readonly handler: (request: RouteRequest<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Reply>;
}

/** One route: what the router mounts, the guard checks and the OpenAPI document describes. */
export interface Route extends Omit<RouteSpec<z.ZodType, z.ZodType, z.ZodType>, 'handler'> {
  /**
   * Validates, then handles.
   * @throws InvalidInputError for input that does not fit the schemas.
   */
  readonly handle: (request: RawRequest) => Promise<Reply>;
}

/** Makes a route whose handler sees only input that its schemas have let through. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(spec: RouteSpec<P, Q, B>): Route {
  const { handler, ...described } = spec;
  const handle = async (request: RawRequest): Promise<Reply> =>
    handler({
      ...request,
      params: parseInput('path', spec.params, request.params),
      query: parseInput('query', spec.query, request.query),
      body: parseInput('body', spec.body, request.body),
    });
  return { ...described, handle };
}
