import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, createServer, type SecureVersion } from 'node:tls';
import type { Certificate } from '../../../sandbox/certificates.ts';

/** One way to speak TLS, and whether it was accepted. */
export interface Handshake {
  /** `TLSv1.3`, or a suite of TLS 1.2 that should not be in use any more. */
  offered: string;
  /** Whether a client of today wants it, or nobody should. */
  wanted: 'yes' | 'may' | 'no';
  accepted: boolean;
}

export interface Place {
  host: string;
  port: number;
  servername: string;
  ca?: string;
}

interface Offer extends Pick<Handshake, 'offered' | 'wanted'> {
  version: SecureVersion;
  ciphers?: string;
}

/** Ciphers that OpenSSL itself would not offer by default are offered too: what is to be refused must be asked for. */
const everyCipher = 'ALL:@SECLEVEL=0';
/** https://ssl-config.mozilla.org/guidelines/5.7.json, intermediate; https://www.rfc-editor.org/rfc/rfc8996 */
const offers: readonly Offer[] = [
  { offered: 'TLSv1', wanted: 'no', version: 'TLSv1', ciphers: everyCipher },
  { offered: 'TLSv1.1', wanted: 'no', version: 'TLSv1.1', ciphers: everyCipher },
  { offered: 'TLSv1.2', wanted: 'may', version: 'TLSv1.2' },
  { offered: 'TLSv1.3', wanted: 'yes', version: 'TLSv1.3' },
  ...['AES128-SHA', 'AES256-SHA256', 'AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES128-SHA'].map(
    (suite): Offer => ({ offered: suite, wanted: 'no', version: 'TLSv1.2', ciphers: `${suite}:@SECLEVEL=0` }),
  ),
];

const handshakeWithinMs = 5_000;

/**
 * Tries each of them. What is refused must be refused by the other side: a server of our own, which accepts all, shows before
 * that this client can speak the old versions.
 * @throws when it cannot, or when nothing answers there.
 */
export async function tryHandshakes(
  place: Place,
  own: Pick<Certificate, 'keyFile' | 'certificateFile'>,
): Promise<Handshake[]> {
  await showThatOldVersionsAreSpoken(own);
  const handshakes = await Promise.all(
    offers.map(async ({ offered, wanted, version, ciphers }) => {
      const accepted = await accepts(place, { minVersion: version, maxVersion: version, ...(ciphers && { ciphers }) });
      return { offered, wanted, accepted };
    }),
  );
  if (!handshakes.some(({ accepted }) => accepted))
    throw new Error(`${place.host}:${place.port} accepts no TLS at all`);
  return handshakes;
}

function accepts({ host, port, servername, ca }: Place, how: ConnectionOptions): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername, rejectUnauthorized: false, ...(ca && { ca }), ...how });
    socket.setTimeout(handshakeWithinMs, () => {
      socket.destroy();
      reject(new Error(`${host}:${port} did not finish a handshake within ${handshakeWithinMs / 1000} s`));
    });
    socket.once('secureConnect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A connection that cannot be made is no refusal of a version.
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND' || error.code === 'ETIMEDOUT') reject(error);
      else resolve(false);
    });
  });
}

async function showThatOldVersionsAreSpoken(own: Pick<Certificate, 'keyFile' | 'certificateFile'>): Promise<void> {
  const [key, cert] = await Promise.all([readFile(own.keyFile), readFile(own.certificateFile)]);
  const server = createServer({ key, cert, minVersion: 'TLSv1', ciphers: everyCipher });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    for (const { version, ciphers } of offers.filter(({ version: each }) => each === 'TLSv1' || each === 'TLSv1.1')) {
      const how = { minVersion: version, maxVersion: version, ...(ciphers && { ciphers }) };
      if (!(await accepts({ host: '127.0.0.1', port, servername: 'localhost' }, how)))
        throw new Error(`the OpenSSL of this Node does not speak ${version}: whether it is refused cannot be told`);
    }
  } finally {
    server.close();
  }
}

export function judgeHandshakes(at: string, handshakes: readonly Handshake[]): { message: string; identity: string }[] {
  return handshakes.flatMap(({ offered, wanted, accepted }) => {
    if (wanted === 'no' && accepted) return [{ message: `${at} accepts ${offered}`, identity: `accepts ${offered}` }];
    if (wanted === 'yes' && !accepted) return [{ message: `${at} refuses ${offered}`, identity: `refuses ${offered}` }];
    return [];
  });
}
