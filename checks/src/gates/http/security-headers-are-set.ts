import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type HttpRequest, type SendOptions, send } from '../../io/http.ts';

interface Answer {
  request: string;
  status: number;
  /** Those that are judged, where they are there. */
  headers: Record<string, string>;
}

interface Facts {
  answers: Answer[];
}

/** Half a year: less, and browsers forget before the next visit. https://hstspreload.org wants a whole one. */
const hstsSecondsMin = 15_768_000;
const kept = [
  'strict-transport-security',
  'content-security-policy',
  'x-content-type-options',
  'x-frame-options',
  'referrer-policy',
  'x-powered-by',
];

export default defineGate<Facts>({
  id: 'http/security-headers-are-set',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service'],
  covers: ['http.hsts', 'http.security-headers', 'http.xss'],
  unit: 'answers',
  why: 'A header that only good answers carry protects nobody: attacks are made of errors, unknown paths and refused bodies.',
  fix: 'Set the headers in one place before any route, so that errors and unknown paths carry them too.',
  source: 'https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html',

  async observe(context) {
    const answers: Answer[] = [];
    for (const [what, request, options] of requestsOf(context)) {
      const { status, headers } = await send(context.target.url, request, { ...options, signal: context.signal });
      const seen = kept.flatMap((name) => {
        const value = headers.get(name);
        return value === null ? [] : [[name, value] as const];
      });
      answers.push({ request: what, status, headers: Object.fromEntries(seen) });
    }
    return { examined: answers.length, facts: { answers } };
  },

  judge: ({ answers }) => answers.flatMap(judgeAnswer),

  samples: {
    good: [{ answers: [answer({})] }],
    bad: [
      { answers: [answer({ 'strict-transport-security': undefined })] },
      { answers: [answer({ 'strict-transport-security': 'max-age=600' })] },
      { answers: [answer({ 'content-security-policy': undefined })] },
      { answers: [answer({ 'content-security-policy': "script-src 'self'" })] },
      { answers: [answer({ 'content-security-policy': "default-src 'self' 'unsafe-eval'" })] },
      { answers: [answer({ 'content-security-policy': "default-src *; frame-ancestors 'none'" })] },
      { answers: [answer({ 'x-content-type-options': undefined })] },
      { answers: [answer({ 'x-frame-options': undefined, 'content-security-policy': "default-src 'none'" })] },
      { answers: [answer({ 'referrer-policy': 'unsafe-url' })] },
      { answers: [answer({ 'x-powered-by': 'Express' })] },
    ],
  },

  /** The headers are set where good answers are made, and errors go another way. */
  async sabotage(sandbox) {
    return sandbox.intercept(async (request, forward) => {
      const answered = await forward(request);
      if (answered.status < 400) return answered;
      const { 'strict-transport-security': _, ...headers } = answered.headers;
      return { ...answered, headers };
    });
  },
});

const bodyTooLargeBytes = 2_000_000;

function requestsOf({ config, target }: Context): [what: string, request: HttpRequest, options: SendOptions][] {
  const { liveness, publicRoutes } = config.service;
  const [key = ''] = target.credentials.writers;
  const open = publicRoutes.filter((route) => route.startsWith('GET ')).map((route) => route.slice('GET '.length));
  const nowhere = '/preflight-asks-for-nothing';
  const asked: [string, HttpRequest, SendOptions][] = [...new Set([liveness, ...open])].map((path) => [
    `GET ${path}`,
    { method: 'GET', path },
    {},
  ]);
  asked.push(['an unknown path without a key', { method: 'GET', path: nowhere }, {}]);
  asked.push(['an unknown path with a key', { method: 'GET', path: nowhere }, { key }]);
  asked.push(['a path that is not properly encoded', { method: 'GET', path: '/%E0%A4%A' }, { key }]);
  const write = config.write?.request;
  if (write === undefined) return asked;
  const { method, path } = write;
  asked.push(['the write without a key', write, {}]);
  asked.push(['the write with an empty body', { method, path, body: {} }, { key }]);
  asked.push(['the write with another content type', { ...write }, { key, headers: { 'content-type': 'text/plain' } }]);
  asked.push([
    'the write with a huge body',
    { method, path, body: { filler: 'x'.repeat(bodyTooLargeBytes) } },
    { key },
  ]);
  return asked;
}

function judgeAnswer({ request, status, headers }: Answer): Finding[] {
  const hsts = Number(/max-age=(\d+)/i.exec(headers['strict-transport-security'] ?? '')?.[1] ?? 0);
  const policy = headers['content-security-policy'] ?? '';
  const directives = new Map(policy.split(';').map((each) => [each.trim().split(/\s+/)[0]?.toLowerCase() ?? '', each]));
  const scripts = directives.get('script-src') ?? directives.get('default-src') ?? '';
  const framed = !directives.has('frame-ancestors') && !/^(deny|sameorigin)$/i.test(headers['x-frame-options'] ?? '');
  const complaints: (string | false)[] = [
    hsts < hstsSecondsMin && `Strict-Transport-Security holds for ${hsts} s, ${hstsSecondsMin} s are wanted`,
    !directives.has('default-src') && 'Content-Security-Policy has no default-src',
    /'unsafe-eval'|\s\*(\s|$)/.test(scripts) && `Content-Security-Policy lets anything run: ${scripts.trim()}`,
    headers['x-content-type-options']?.toLowerCase() !== 'nosniff' && 'X-Content-Type-Options is not nosniff',
    framed && 'nothing keeps it out of frames: neither frame-ancestors nor X-Frame-Options',
    /^$|unsafe-url/i.test(headers['referrer-policy'] ?? '') && 'Referrer-Policy is missing, or gives paths away',
    headers['x-powered-by'] !== undefined && `X-Powered-By tells what runs here: ${headers['x-powered-by']}`,
  ];
  return complaints
    .filter((complaint) => complaint !== false)
    .map((complaint) => ({ message: `${request} (${status}): ${complaint}`, identity: `${request}: ${complaint}` }));
}

function answer(change: Record<string, string | undefined>): Answer {
  const headers = {
    'strict-transport-security': 'max-age=31536000',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    ...change,
  };
  const there = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { request: 'GET /orders', status: 200, headers: Object.fromEntries(there) };
}
