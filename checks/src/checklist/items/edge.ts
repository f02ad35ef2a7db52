import { gate, type Item, signOff } from '../item.ts';

/** What stands between the internet and the service. */
export const edge: readonly Item[] = [
  {
    id: 'edge.certificate',
    severity: 'blocker',
    answer: gate('edge/certificate-is-valid'),
    asks: [
      'S2:21 Domain name configured with SSL certificates',
      'S2:35 SSL certificates obtained and installed',
      'S2:437 SSL certificates valid and secure',
      "S3:58 Obtain SSL certificate (Let's Encrypt or commercial)",
    ],
  },
  {
    id: 'edge.load-balancer',
    severity: 'warning',
    answer: gate('edge/a-dead-replica-is-left-out'),
    asks: ['S2:32 Load balancer configured (if using multiple instances)', 'S2:344 Load balancer failover configured'],
  },
  {
    id: 'edge.dns',
    severity: 'blocker',
    answer: gate('edge/names-resolve'),
    asks: ['S2:33 DNS records properly configured'],
  },
  {
    id: 'edge.tls-1-3',
    severity: 'blocker',
    answer: gate('edge/tls-is-modern', 'edge/target-is-encrypted'),
    asks: ['S2:82 TLS 1.3 enabled for all web communications', 'S3:59 Configure nginx with TLS 1.3'],
  },
  {
    id: 'edge.https-only',
    severity: 'blocker',
    answer: gate('edge/plain-http-is-redirected', 'edge/target-is-encrypted'),
    asks: ['S2:85 API communications encrypted', 'S3:60 Force HTTPS redirect'],
  },
  {
    id: 'edge.chain',
    severity: 'warning',
    answer: gate('edge/certificate-is-valid'),
    asks: ['S2:86 SSL certificate chain properly configured'],
  },
  {
    id: 'edge.graded',
    severity: 'warning',
    answer: signOff('security', 90, 'The report of SSL Labs, grade A+.'),
    asks: ['S3:62 Test SSL configuration (achieve SSL Labs grade A+)'],
  },
  {
    id: 'edge.renewal',
    severity: 'warning',
    answer: signOff('devops', 60, 'The log of a dry run of the renewal.'),
    asks: ["S3:63 Configure auto-renewal (certbot for Let's Encrypt)"],
  },
  {
    id: 'edge.shield',
    severity: 'warning',
    answer: signOff('security', 90, 'The settings of Cloudflare or its like: shield, rules and who may change them.'),
    asks: ['S3:186 Add Cloudflare (or equivalent)'],
  },
];
