import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { actAsTlsTarget, lookAtCertificate, type Shown, tlsPlaceOf } from './support/target-tls.ts';

interface Facts {
  now: string;
  shown: Shown[];
}

/** Let's Encrypt renews with 30 days to go: one that has fewer than this was not renewed for more than a week. */
const leastDays = 21;
const dayMs = 86_400_000;

const shown: Shown = {
  ...{ name: 'orders.example', refused: null, issuer: "Let's Encrypt", chain: 2 },
  notAfter: '2026-09-01T00:00:00.000Z',
};
const good: Facts = { now: '2026-06-15T00:00:00.000Z', shown: [shown] };

export default defineGate<Facts>({
  id: 'edge/certificate-is-valid',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target'],
  covers: ['edge.certificate', 'edge.chain'],
  unit: 'certificates',
  why: 'On the day when it ends every client is locked out at once; and one whose chain is not whole works in the browser of whoever tries it, and in no program.',
  fix: 'Renew it, and serve the whole chain (fullchain.pem), for every name that leads there.',
  source: 'https://letsencrypt.org/docs/integration-guide/#when-to-renew',

  async observe({ config, tree }) {
    const target = partOf(config, 'target');
    const { host, port } = tlsPlaceOf(target);
    const { ca: file } = target;
    const ca = file === undefined ? undefined : await readFile(isAbsolute(file) ? file : join(tree.root, file), 'utf8');
    const seen = await Promise.all([host, ...target.names].map((name) => lookAtCertificate(name, port, ca)));
    return { examined: seen.length, facts: { now: new Date().toISOString(), shown: seen } };
  },

  judge: ({ now, shown: seen }) =>
    seen.flatMap(({ name, refused, notAfter, chain }) => {
      const days = Math.floor((Date.parse(notAfter) - Date.parse(now)) / dayMs);
      return [
        ...(refused === null
          ? []
          : [{ message: `${name}: a client refuses it: ${refused}`, identity: `${name} refused` }]),
        ...(days < leastDays
          ? [{ message: `${name}: it ends in ${days} days: ${leastDays} are wanted`, identity: `${name} ends` }]
          : []),
        ...(chain < 2
          ? [{ message: `${name}: it comes alone, without the certificate that signed it`, identity: `${name} chain` }]
          : []),
      ];
    }),

  samples: {
    good: [good],
    bad: [
      { ...good, shown: [{ ...shown, refused: 'CERT_HAS_EXPIRED' }] },
      { ...good, shown: [{ ...shown, notAfter: '2026-07-01T00:00:00.000Z' }] },
      { ...good, shown: [{ ...shown, chain: 1 }] },
    ],
  },

  prepare: (sandbox) => actAsTlsTarget(sandbox),

  /** Nobody has renewed it. */
  sabotage: (sandbox) => actAsTlsTarget(sandbox, { days: leastDays - 1 }),
});
