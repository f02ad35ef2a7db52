import type { RequestHandler, Response } from 'express';
import { OrderServiceError } from '../domain/errors.ts';
import { problemReply, send } from './problem.ts';
import { stateOf } from './request-state.ts';

export interface SheddingOptions {
  /** Paths of what is never refused. */
  readonly essential: ReadonlySet<string>;
  /** Requests that may be under way at once; one more is refused. */
  readonly inFlightMax: number;
  /** The same while the event loop is late: what can be worked on soon. */
  readonly inFlightMaxWhenLate: number;
  /** Whether those who wait for a connection have waited so long that one more would wait in vain. */
  readonly isPoolBehind: () => boolean;
  /** Whether the event loop has just come round too late. */
  readonly isLate: () => boolean;
  /** Hears of each refusal. It must not throw. */
  readonly countShed: (cause: ShedCause) => void;
  readonly isDraining: () => boolean;
}

/** Why a request was refused before anything was done for it. */
export type ShedCause = 'in-flight' | 'pool' | 'event-loop';

/**
 * Refuses what would only wait, before anything is done for it: a refusal at once costs a hundredth of an answer that nobody
 * waits for any more. It is no error and goes no error's way; the metrics count it, and the log has its request.
 */
export function shedLoad(options: SheddingOptions): RequestHandler {
  let inFlight = 0;
  const causeToRefuse = (): ShedCause | undefined => {
    if (inFlight >= options.inFlightMax) return 'in-flight';
    if (options.isPoolBehind()) return 'pool';
    // What has piled up during a stall comes all at once.
    return inFlight >= options.inFlightMaxWhenLate && options.isLate() ? 'event-loop' : undefined;
  };
  return (request, response, next) => {
    const cause = options.essential.has(request.path) ? undefined : causeToRefuse();
    if (cause !== undefined) {
      options.countShed(cause);
      stateOf(response).route = 'shed';
      refuse(response, options.isDraining());
      return;
    }
    inFlight += 1;
    response.once('close', () => {
      inFlight -= 1;
    });
    next();
  };
}

function refuse(response: Response, closing: boolean): void {
  send(response, problemReply(new OrderServiceError('overloaded'), stateOf(response).id), closing);
}
