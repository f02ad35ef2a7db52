import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';
import type { Tools } from '../../io/tools.ts';
import { makeCertificate } from '../../sandbox/certificates.ts';
import { type Handshake, judgeHandshakes, type Place, tryHandshakes } from './support/handshakes.ts';
import { actAsTlsTarget, tlsPlaceOf } from './support/target-tls.ts';

interface Facts {
  host: string;
  handshakes: Handshake[];
  /** What a plain request to port 80 was answered; null: nobody answers there, which is as good. */
  plain: { status: number; location: string } | null;
}

const good: Facts = {
  host: 'orders.example',
  handshakes: [
    { offered: 'TLSv1.1', wanted: 'no', accepted: false },
    { offered: 'TLSv1.3', wanted: 'yes', accepted: true },
  ],
  plain: { status: 308, location: 'https://orders.example/' },
};
const noAnswer = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

export default defineGate<Facts>({
  id: 'edge/target-is-encrypted',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target', 'openssl'],
  covers: ['edge.tls-1-3', 'edge.https-only'],
  unit: 'handshakes',
  why: 'The configuration that was judged may not be the one that is in force: another host, another balancer, an old file that was not reloaded.',
  fix: 'Put the judged configuration in force where clients connect, and reload it.',
  source: 'https://wiki.mozilla.org/Security/Server_Side_TLS',

  async observe({ config, tools, signal }) {
    const { host, port } = tlsPlaceOf(partOf(config, 'target'));
    const handshakes = await handshakesWith({ host, port, servername: host }, tools);
    return { examined: handshakes.length, facts: { host, handshakes, plain: await askPlainly(host, signal) } };
  },

  judge: ({ host, handshakes, plain }) => [
    ...judgeHandshakes(host, handshakes),
    ...(plain !== null && !((plain.status === 301 || plain.status === 308) && plain.location.startsWith('https://'))
      ? [{ message: `${host} answers plain requests with ${plain.status}`, identity: 'plain' }]
      : []),
  ],

  samples: {
    good: [good, { ...good, plain: null }],
    bad: [
      { ...good, handshakes: [{ offered: 'TLSv1', wanted: 'no', accepted: true }] },
      { ...good, handshakes: [{ offered: 'TLSv1.3', wanted: 'yes', accepted: false }] },
      { ...good, plain: { status: 200, location: '' } },
      { ...good, plain: { status: 308, location: 'http://orders.example/' } },
    ],
  },

  prepare: (sandbox) => actAsTlsTarget(sandbox),

  /** Another balancer is in front, as old as the last certificate. */
  sabotage: (sandbox) => actAsTlsTarget(sandbox, { maxVersion: 'TLSv1.2' }),
});

async function handshakesWith(place: Place, tools: Tools): Promise<Handshake[]> {
  const directory = await mkdtemp(join(tmpdir(), 'preflight-tls-'));
  try {
    return await tryHandshakes(place, await makeCertificate(directory, tools, 'localhost'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** @throws for what is no answer and no refusal either. */
async function askPlainly(host: string, signal: AbortSignal): Promise<Facts['plain']> {
  try {
    const { status, headers } = await send(`http://${host}`, { method: 'GET', path: '/' }, { signal });
    return { status, location: headers.get('location') ?? '' };
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    if (noAnswer.has(cause?.code ?? '')) return null;
    throw error;
  }
}
