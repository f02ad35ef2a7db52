/** A request as preflight.config.ts describes it. */
export interface HttpRequest {
  method: string;
  path: string;
  body?: Record<string, unknown> | undefined;
  /** Sent byte for byte as the body, instead of `body`: what no JSON.stringify would write. */
  text?: string;
}

export interface SendOptions {
  /** Sent as `Authorization: Bearer`. */
  key?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Default: 5 s. */
  timeoutMs?: number;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  text: string;
}

const defaultTimeoutMs = 5_000;

/**
 * Sends one request and reads the whole answer. Redirects are answers too, and are not followed.
 * @throws when there is no answer in time: no connection, a reset, a timeout.
 */
export async function send(url: string, request: HttpRequest, options: SendOptions = {}): Promise<HttpAnswer> {
  const { key, headers = {}, signal, timeoutMs = defaultTimeoutMs } = options;
  const { method, path } = request;
  const body = request.text ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
  const limit = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url + path, {
    method,
    redirect: 'manual',
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
