import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { askEdge, editEdge, withEdge } from './support/open-edge.ts';

interface Plain {
  asked: string;
  status: number | null;
  location: string;
  wanted: string;
}

interface Facts {
  file: string;
  answers: Plain[];
  /** Requests that came plainly and reached a replica. */
  passedOn: number;
}

const answer: Plain = {
  ...{ asked: 'GET /orders?a=b', status: 308 },
  ...{ location: 'https://orders.example/orders?a=b', wanted: 'https://orders.example/orders?a=b' },
};
const good: Facts = { file: 'nginx.conf', answers: [answer], passedOn: 0 };
const permanent = new Set([301, 308]);

export default defineGate<Facts>({
  id: 'edge/plain-http-is-redirected',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'nginx', 'openssl', 'config:edge'],
  covers: ['edge.https-only'],
  unit: 'plain requests',
  why: 'A key that was sent once without TLS belongs to everybody on the way. What answers there must send on, and take nothing.',
  fix: 'On port 80 nothing but: return 308 https://NAME$request_uri;',
  source:
    'https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html#use-tls-for-all-pages',

  async observe(context) {
    const { configuration: file, host } = partOf(context.config, 'edge');
    const { service, write } = context.config;
    const asked = [
      { method: 'GET', path: '/' },
      { method: 'GET', path: `${service.liveness}?a=b%20c` },
      { method: 'GET', path: '/.well-known/../x' },
      { method: 'POST', path: write?.request.path ?? '/', body: '{}', headers: { 'content-type': 'application/json' } },
    ];
    return withEdge(context, async (edge) => {
      const answers = await Promise.all(
        asked.map(async (request) => {
          const { status, headers } = await askEdge(edge, 'http', request);
          const wanted = `https://${host}${request.path}`;
          return {
            asked: `${request.method} ${request.path}`,
            status,
            location: String(headers.location ?? ''),
            wanted,
          };
        }),
      );
      const passedOn = edge.replicas.reduce((sum, { requests }) => sum + requests.length, 0);
      return { examined: answers.length, facts: { file, answers, passedOn } };
    });
  },

  judge: ({ file, answers, passedOn }) => [
    ...answers
      .filter(({ status, location, wanted }) => !permanent.has(status ?? 0) || location !== wanted)
      .map(({ asked, status, location, wanted }) => ({
        message: `${asked}, asked plainly, is answered ${status ?? 'not at all'}${location && ` to ${location}`}: 308 to ${wanted} is wanted`,
        file,
        identity: asked,
      })),
    ...(passedOn > 0
      ? [{ message: `${passedOn} plain requests reached the service`, file, identity: 'passed on' }]
      : []),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, answers: [{ ...answer, status: 200, location: '' }] },
      { ...good, answers: [{ ...answer, status: 302 }] },
      { ...good, answers: [{ ...answer, status: null, location: '' }] },
      { ...good, answers: [{ ...answer, location: 'http://orders.example/orders?a=b' }] },
      { ...good, answers: [{ ...answer, location: 'https://orders.example/' }] },
      { ...good, passedOn: 1 },
    ],
  },

  /** It sends on to itself. */
  async sabotage(sandbox) {
    await editEdge(sandbox, (text) => text.replace(/return 30\d https:/, 'return 302 http:'));
    return undefined;
  },
});
