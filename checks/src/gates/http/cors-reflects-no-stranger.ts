import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';

interface Answer {
  request: string;
  origin: string;
  /** Access-Control-Allow-Origin; null: not there. */
  allowed: string | null;
  varies: boolean;
}

interface Facts {
  strangers: Answer[];
  /** What the one origin got that may read; empty where none may. */
  friend: Answer[];
}

export default defineGate<Facts>({
  id: 'http/cors-reflects-no-stranger',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service'],
  covers: ['http.cors'],
  unit: 'answers to pages',
  why: 'An origin that is reflected lets any page that a trader has open read the answers of this API in his browser.',
  fix: 'Compare the whole origin with a list, never a part of it; answer nothing to others, `null` included; always say Vary: Origin.',
  source: 'https://portswigger.net/web-security/cors',

  async observe(context) {
    const friend = context.config.access?.allowedOrigin;
    const strangers: Answer[] = [];
    for (const origin of strangersOf(friend)) strangers.push(...(await askAll(context, origin)));
    const answers = friend === undefined ? [] : await askAll(context, friend);
    return { examined: strangers.length + answers.length, facts: { strangers, friend: answers } };
  },

  judge: ({ strangers, friend }) => [
    ...strangers
      .filter(({ allowed }) => allowed !== null)
      .map(({ request, origin, allowed }) => ({
        message: `${request} lets a page of ${origin} read its answer (Access-Control-Allow-Origin: ${allowed})`,
        identity: `${origin} ${request}`,
      })),
    ...friend.flatMap(judgeFriend),
  ],

  samples: {
    good: [{ strangers: [answer({})], friend: [answer({ allowed: 'https://desk.example' })] }],
    bad: [
      { strangers: [answer({ origin: 'null', allowed: 'null' })], friend: [] },
      { strangers: [answer({ allowed: '*' })], friend: [] },
      { strangers: [], friend: [answer({ allowed: null })] },
      { strangers: [], friend: [answer({ allowed: 'https://desk.example', varies: false })] },
    ],
  },

  /** The most common mistake: whatever came as the origin goes out as the one that is allowed. */
  async sabotage(sandbox) {
    return sandbox.intercept(async (request, forward) => {
      const answered = await forward(request);
      const { origin } = request.headers;
      if (origin === undefined) return answered;
      return { ...answered, headers: { ...answered.headers, 'access-control-allow-origin': origin } };
    });
  },
});

function judgeFriend({ request, origin, allowed, varies }: Answer): Finding[] {
  if (allowed !== origin)
    return [
      { message: `${request} does not let ${origin} read, which access.allowedOrigin names (it says ${allowed})` },
    ];
  return varies
    ? []
    : [{ message: `${request} lets ${origin} read and does not say Vary: Origin: a cache hands it to others` }];
}

/** Origins that are none of ours, and look as much like the allowed one as they can. */
function strangersOf(friend: string | undefined): string[] {
  const always = ['https://evil.example', 'null', 'file://'];
  if (friend === undefined) return always;
  const { protocol, hostname, host } = new URL(friend);
  const other = protocol === 'https:' ? 'http:' : 'https:';
  return [
    ...always,
    `${other}//${host}`,
    `${protocol}//${hostname}:4444`,
    `${protocol}//${host}.evil.example`,
    `${protocol}//evil-${host}`,
    `${protocol}//evil.${host}`,
    `${protocol}//${hostname.replaceAll('.', 'x')}`,
  ];
}

async function askAll(context: Context, origin: string): Promise<Answer[]> {
  const { config, target, signal } = context;
  const guarded = config.write?.request.path ?? config.access?.read ?? '/';
  const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
  const requests: [method: string, path: string, headers: Record<string, string>, key?: string | undefined][] = [
    ['GET', config.service.liveness, {}],
    ['GET', guarded, {}],
    ['GET', guarded, {}, target.credentials.writers[0]],
    ['GET', '/preflight-asks-for-nothing', {}],
    ['OPTIONS', guarded, preflight],
  ];
  const answers: Answer[] = [];
  for (const [method, path, more, key] of requests) {
    const headers = { origin, ...more, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) };
    const seen = await send(target.url, { method, path }, { headers, signal });
    const varies = /(^|,)\s*(origin|\*)\s*(,|$)/i.test(seen.headers.get('vary') ?? '');
    const request = `${method} ${path}${key === undefined ? '' : ' with a key'}`;
    answers.push({ request, origin, allowed: seen.headers.get('access-control-allow-origin'), varies });
  }
  return answers;
}

function answer(change: Partial<Answer>): Answer {
  return { request: 'GET /orders', origin: 'https://desk.example', allowed: null, varies: true, ...change };
}
