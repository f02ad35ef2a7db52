import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Handshake, judgeHandshakes, tryHandshakes } from './support/handshakes.ts';
import { askEdge, editEdge, withEdge } from './support/open-edge.ts';

interface Facts {
  file: string;
  handshakes: Handshake[];
  /** What Strict-Transport-Security says, of each answer: by what was asked. */
  hsts: { asked: string; value: string }[];
}

/** A year: what browsers' lists of such hosts want at least. https://hstspreload.org */
const hstsAtLeastSeconds = 31_536_000;
/** More than any body that a JSON API takes: the edge itself refuses it. */
const tooLargeBytes = 2_000_000;

const handshakes: Handshake[] = [
  { offered: 'TLSv1.1', wanted: 'no', accepted: false },
  { offered: 'TLSv1.2', wanted: 'may', accepted: true },
  { offered: 'TLSv1.3', wanted: 'yes', accepted: true },
];
const good: Facts = {
  ...{ file: 'nginx.conf', handshakes },
  hsts: [{ asked: 'GET /', value: 'max-age=63072000; includeSubDomains' }],
};

export default defineGate<Facts>({
  id: 'edge/tls-is-modern',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'nginx', 'openssl', 'config:edge'],
  covers: ['edge.tls-1-3'],
  unit: 'handshakes and answers',
  why: 'Keys and orders of traders go through here. What an old version or suite protects, others on the way can read.',
  fix: 'ssl_protocols TLSv1.2 TLSv1.3, the suites of the intermediate profile, and add_header Strict-Transport-Security … always.',
  source: 'https://wiki.mozilla.org/Security/Server_Side_TLS',

  async observe(context) {
    const { configuration: file } = partOf(context.config, 'edge');
    const { liveness } = context.config.service;
    return withEdge(context, async (edge) => {
      const place = { host: '127.0.0.1', port: edge.ports.get(443) ?? 0, servername: edge.host };
      const seen = await tryHandshakes(place, edge.certificate);
      const asked = [
        { path: liveness },
        { path: '/preflight-is-not-there' },
        { method: 'POST', path: '/', body: 'x'.repeat(tooLargeBytes) },
      ];
      const hsts = await Promise.all(
        asked.map(async (request) => {
          const { headers } = await askEdge(edge, 'https', request);
          const value = String(headers['strict-transport-security'] ?? '');
          return { asked: `${request.method ?? 'GET'} ${request.path}`, value };
        }),
      );
      return { examined: seen.length + hsts.length, facts: { file, handshakes: seen, hsts } };
    });
  },

  judge: ({ file, handshakes: seen, hsts }) => [
    ...judgeHandshakes('the edge', seen).map((finding) => ({ ...finding, file })),
    ...hsts.flatMap((each) => hstsFault(file, each)),
  ],

  samples: {
    good: [good],
    bad: [
      { ...good, handshakes: [{ offered: 'TLSv1.1', wanted: 'no', accepted: true }] },
      { ...good, handshakes: [{ offered: 'TLSv1.3', wanted: 'yes', accepted: false }] },
      { ...good, hsts: [{ asked: 'POST /', value: '' }] },
      { ...good, hsts: [{ asked: 'GET /', value: 'max-age=300' }] },
      { ...good, hsts: [{ asked: 'GET /', value: 'max-age=63072000, max-age=63072000' }] },
    ],
  },

  /** The versions of ten years ago, and no other. */
  async sabotage(sandbox) {
    await editEdge(sandbox, (text) => text.replace(/ssl_protocols [^;]*;/, 'ssl_protocols TLSv1 TLSv1.1 TLSv1.2;'));
    return undefined;
  },
});

/** Twice the same header is none to some clients. https://www.rfc-editor.org/rfc/rfc6797#section-8.1 */
function hstsFault(file: string, { asked, value }: { asked: string; value: string }): Finding[] {
  const [, seconds] = /^max-age=(\d+)(?:;[^,]*)?$/.exec(value) ?? [];
  if (Number(seconds) >= hstsAtLeastSeconds) return [];
  return [
    { message: `${asked} is answered with Strict-Transport-Security: ${value || 'nothing'}`, file, identity: asked },
  ];
}
