import { trace } from '@opentelemetry/api';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { Logger } from '../telemetry/logger.ts';
import { type AuthOptions, authenticate } from './auth.ts';
import { allowOrigins } from './cors.ts';
import { asKnownError, HttpError, type ProblemCode, STATUS_OF } from './errors.ts';
import { readIdempotencyKey } from './idempotency-key.ts';
import { bodyOf, parseJsonBody } from './json-body.ts';
import { addressOf, limitByAddress, limitByKey, limitPublic, type RateLimits } from './limits.ts';
import { authorize, nameOf } from './principal.ts';
import { problemReply, send } from './problem.ts';
import { beginRequest, type RequestState, stateOf } from './request-state.ts';
import type { Route } from './route.ts';
import { securityHeaders } from './security-headers.ts';
import { type SheddingOptions, shedLoad } from './shedding.ts';

/** What one answered request looked like, for metrics. `route` is the declared path or `unmatched`. */
export interface RequestObservation {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

export interface ServerOptions extends AuthOptions, RateLimits, Omit<SheddingOptions, 'essential'> {
  readonly logger: Logger;
  readonly requestTimeoutMs: number;
  readonly bodyLimitBytes: number;
  /** Reverse proxies in front; the client's address is that many hops back in X-Forwarded-For. */
  readonly trustProxyHops: number;
  /** Origins whose pages may read answers. */
  readonly corsOrigins: readonly string[];
  readonly observe: (observation: RequestObservation) => void;
}

const TIMED_OUT =
  'The answer took too long, and what became of the request is not known. Repeat it with the same Idempotency-Key.';

/** What a person who looks for an intruder asks the log for, each with the address and the key that was refused. */
const REFUSALS: ReadonlySet<ProblemCode> = new Set(['unauthenticated', 'locked_out', 'forbidden', 'rate_limited']);

/** Methods beyond these would let a client make up metric labels. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function finish(request: Request, response: Response, state: RequestState, options: ServerOptions): void {
  const seconds = (performance.now() - state.startedAtMs) / 1000;
  const method = METHODS.has(request.method) ? request.method : 'OTHER';
  const { statusCode: status } = response;
  options.observe({ method, route: state.route, status, seconds });
  const aborted = !response.writableFinished;
  const level = state.quiet && status < 400 ? 'debug' : 'info';
  state.log[level]({ method, route: state.route, status, aborted, durationMs: Math.round(seconds * 1000) }, 'request');
}

/** Names the request, times it, and answers for it when the handler takes too long. */
function begin(options: ServerOptions): RequestHandler {
  return (request, response, next) => {
    const state = beginRequest(request, response, options.logger);
    response.setHeader('x-request-id', state.id);
    const timer = setTimeout(() => {
      const error = request.complete
        ? new HttpError('request_timeout', { message: TIMED_OUT })
        : new HttpError('request_timeout', { message: 'The body did not arrive in time.' });
      if (send(response, problemReply(error, state.id), true))
        state.log.warn({ code: error.code }, 'request timed out');
    }, options.requestTimeoutMs);
    response.once('close', () => {
      clearTimeout(timer);
      finish(request, response, state, options);
    });
    next();
  };
}

/** Roles first, then the body: whoever may not use a route cannot make the service read 16 KB either. */
function mount(app: Express, route: Route, options: ServerOptions, ...before: readonly RequestHandler[]): void {
  const guard: RequestHandler = (_request, response, next) => {
    const state = stateOf(response);
    state.route = route.path;
    state.quiet = route.access === 'public';
    authorize(route.access, state.principal);
    next();
  };
  const body = route.body === undefined ? [] : parseJsonBody(options.bodyLimitBytes);
  const answer: RequestHandler = async (request, response) => {
    const state = stateOf(response);
    const reply = await route.handle({
      params: request.params,
      query: request.query,
      body: bodyOf(request),
      principal: state.principal,
      idempotencyKey: route.idempotent === true ? readIdempotencyKey(request.get('idempotency-key')) : '',
      requestId: state.id,
      log: state.log,
      correlate: (orderId) => {
        state.log = state.log.child({ orderId });
        trace.getActiveSpan()?.setAttribute('order.id', orderId);
      },
    });
    send(response, reply, options.isDraining());
  };
  const method = route.method.toLowerCase() as 'get' | 'post' | 'put';
  app[method](route.path, ...before, guard, ...body, answer);
}

/** The only place where an error becomes an answer, and where an unforeseen one is logged, once. */
function answerErrors(options: ServerOptions): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const state = stateOf(response);
    const problem = asKnownError(error);
    if (STATUS_OF[problem.code] === 500) state.log.error({ err: problem }, 'Request failed unexpectedly');
    else if (STATUS_OF[problem.code] >= 500) state.log.warn({ err: problem }, 'Request could not be served');
    else if (REFUSALS.has(problem.code))
      state.log.warn(
        { code: problem.code, address: addressOf(request), by: nameOf(state.principal), route: state.route },
        'Access refused',
      );
    if (response.headersSent) {
      // Half an answer is out: cutting the connection is the only way left to say that it is wrong.
      if (!response.writableEnded) response.destroy();
      return;
    }
    send(response, problemReply(problem, state.id), options.isDraining());
  };
}

/** The Express application: public routes, then the door, then everything else. Nothing listens yet. */
export function createServer(routes: readonly Route[], options: ServerOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', options.trustProxyHops);
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  app.use(begin(options), securityHeaders(), allowOrigins(options.corsOrigins));
  const isPublic = (route: Route): boolean => route.access === 'public';
  const limitOpen = limitPublic(options);
  for (const route of routes.filter(isPublic)) mount(app, route, options, limitOpen);
  const essential = new Set(routes.filter((each) => each.essential === true).map(({ path }) => path));
  app.use(shedLoad({ ...options, essential }), limitByAddress(options), authenticate(options), limitByKey(options));
  for (const route of routes.filter((each) => !isPublic(each))) mount(app, route, options);
  app.use((_request, _response, next) => next(new HttpError('not_found')));
  app.use(answerErrors(options));
  return app;
}
