import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

/** An answer, with the body as the bytes came and, when it is JSON, parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // The tests say what they expect of it; a type here would only repeat that.
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Ask {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
}

const ANSWER_DEADLINE_MS = 15_000;

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON, as with /metrics: `text` has it.
    return {};
  }
}

/** One request on a connection of its own, so that no keep-alive hides what the server does to connections. */
export function ask(base: string, method: string, path: string, options: Ask = {}): Promise<Answer> {
  const body =
    options.body === undefined || typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
  const headers: Record<string, string> = {
    ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${base}${path}`, { method, headers, agent: false, timeout: ANSWER_DEADLINE_MS });
    request.on('timeout', () =>
      request.destroy(new Error(`no answer within ${ANSWER_DEADLINE_MS} ms: ${method} ${path}`)),
    );
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
      });
    });
    request.end(body);
  });
}
