import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type PeerCertificate, type SecureVersion, type TLSSocket } from 'node:tls';
import type { TargetConfig } from '../../../config.ts';
import { findTools } from '../../../io/tools.ts';
import { makeCertificate } from '../../../sandbox/certificates.ts';
import type { Sandbox, Undo } from '../../../sandbox/sandbox.ts';
import { actAsTarget } from '../../deploy/support/as-target.ts';

/** What a target's address shows of itself to whoever connects. */
export interface Shown {
  name: string;
  /** Null: the chain leads to an authority that is trusted, and the name is in it. Else why not, in OpenSSL's words. */
  refused: string | null;
  notAfter: string;
  issuer: string;
  /** Certificates that were sent, the host's own first. */
  chain: number;
}

const connectWithinMs = 10_000;

/** Where TLS is spoken. @throws for an address without it: there is nothing to look at. */
export function tlsPlaceOf({ url }: Pick<TargetConfig, 'url'>): { host: string; port: number } {
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== 'https:') throw new Error(`${url} is no address with TLS: name the one that clients use`);
  return { host: hostname, port: port === '' ? 443 : Number(port) };
}

/** @throws when nobody answers there, or not in TLS. */
export async function lookAtCertificate(name: string, port: number, ca: string | undefined): Promise<Shown> {
  const socket = await connected(name, port, ca);
  try {
    const certificate = socket.getPeerCertificate(true);
    if (!certificate.valid_to) throw new Error(`${name}:${port} shows no certificate`);
    // What it says is text or, of Node's own making, an error; both have the same words.
    const refused = socket.authorized ? null : String(socket.authorizationError);
    const issuer = String(certificate.issuer.O ?? certificate.issuer.CN);
    const notAfter = new Date(certificate.valid_to).toISOString();
    return { name, refused, notAfter, issuer, chain: lengthOf(certificate) };
  } finally {
    socket.destroy();
  }
}

function connected(servername: string, port: number, ca: string | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const trust = ca === undefined ? {} : { ca };
    const socket = connect({ host: servername, port, servername, rejectUnauthorized: false, ...trust }, () =>
      resolve(socket),
    );
    socket.setTimeout(connectWithinMs, () => socket.destroy(new Error(`${servername}:${port} does not answer`)));
    socket.once('error', reject);
  });
}

const longestChain = 10;
/** What Node offers by itself has suites of TLS 1.2 that nobody should take any more. */
const suites = 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256';

function lengthOf(certificate: PeerCertificate): number {
  let [length, at] = [1, certificate as PeerCertificate & { issuerCertificate?: PeerCertificate }];
  while (at.issuerCertificate && at.issuerCertificate !== at && length < longestChain) {
    if (at.issuerCertificate.fingerprint256 === at.fingerprint256) break;
    at = at.issuerCertificate;
    length += 1;
  }
  return length;
}

interface TlsTarget {
  /** How long its certificate holds from now on. */
  days?: number;
  maxVersion?: SecureVersion;
}

/** Something behind TLS acts as the target, with a certificate for `localhost` of an authority of the sandbox's own. */
export async function actAsTlsTarget(
  sandbox: Sandbox,
  { days = 90, maxVersion = 'TLSv1.3' }: TlsTarget = {},
): Promise<Undo> {
  const tools = findTools(sandbox.scratch.root);
  const certificate = await makeCertificate(sandbox.directory, tools, 'localhost', { days, name: `target-${days}` });
  const [key, own] = await Promise.all([readFile(certificate.keyFile), readFile(certificate.certificateFile)]);
  // The whole chain, as fullchain.pem holds it.
  const cert = [own, certificate.authority].join('\n');
  const server = createServer({ key, cert, minVersion: 'TLSv1.2', maxVersion, ciphers: suites }, (_, response) => {
    response.writeHead(200, { 'strict-transport-security': 'max-age=63072000' }).end('{}');
  });
  const url = await listening(server);
  const undo = actAsTarget(sandbox, { url, ca: certificate.authorityFile });
  return async () => {
    await undo();
    server.closeAllConnections();
    server.close();
  };
}

async function listening(server: Server): Promise<string> {
  // Both families: which of them `localhost` means is the machine's.
  server.listen(0, 'localhost');
  await once(server, 'listening');
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}
