import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Logger } from '../telemetry/logger.ts';
import type { Principal } from './principal.ts';

/** What is known about a request while it is being answered. */
export interface RequestState {
  readonly id: string;
  log: Logger;
  /** Milliseconds of the monotonic clock. */
  readonly startedAtMs: number;
  principal: Principal;
  /** The matched route's path as declared; `unmatched` until there is one, so that metrics stay bounded. */
  route: string;
  /** Probes come every few seconds: what goes well is logged at debug level only. */
  quiet: boolean;
}

const states = new WeakMap<Response, RequestState>();

/** An id from upstream is taken over only when it cannot smuggle anything into logs or headers. */
const SANE_REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{7,63}$/;

/** Starts the state of a request: its id (the caller's `X-Request-Id` when sane) and a logger that carries it. */
export function beginRequest(request: Request, response: Response, logger: Logger): RequestState {
  const offered = request.get('x-request-id') ?? '';
  const id = SANE_REQUEST_ID.test(offered) ? offered : randomUUID();
  const state: RequestState = {
    id,
    log: logger.child({ requestId: id }),
    startedAtMs: performance.now(),
    principal: { kind: 'anonymous' },
    route: 'unmatched',
    quiet: false,
  };
  states.set(response, state);
  return state;
}

/** The state that `beginRequest` made for this response. */
export function stateOf(response: Response): RequestState {
  const state = states.get(response);
  if (state === undefined) throw new Error('the request was never begun');
  return state;
}
