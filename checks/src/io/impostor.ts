import { readFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { ExecResult } from './exec.ts';

/** What an impostor of a PostgreSQL server saw. */
export interface Seen {
  /** Clients that asked for TLS. */
  askedForTls: number;
  /** Clients that sent something without it: in the clear, before anybody was known. */
  plain: number;
  /** Clients that went on inside TLS, although nobody vouches for the certificate: what they sent begins with who they are. */
  trusted: number;
}

/** A listener on the loopback that speaks as much of PostgreSQL as it takes to offer a certificate that nobody signed. */
export interface Impostor {
  readonly port: number;
  readonly seen: Seen;
  /** Connections that are over, and have therefore shown all that they will. */
  over(): number;
  close(): Promise<void>;
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html: SSLRequest is this number after its length. */
const sslRequest = 80877103;
const requestBytes = 8;

/**
 * @param directory an empty one, for the certificate and its key.
 * @param run runs a program: openssl makes the certificate.
 */
export async function startImpostor(
  directory: string,
  run: (args: readonly string[]) => Promise<ExecResult>,
): Promise<Impostor> {
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const { code, stderr } = await run(['req', '-x509', ...kind, '-keyout', key, '-out', certificate, ...subject]);
  if (code !== 0) throw new Error(`openssl made no certificate: ${stderr}`);
  const context = createSecureContext({ key: await readFile(key), cert: await readFile(certificate) });
  const seen: Seen = { askedForTls: 0, plain: 0, trusted: 0 };
  const open = new Set<Socket>();
  let over = 0;
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open.delete(socket);
      over += 1;
    });
    socket.once('data', (first: Buffer) => answer(socket, first, seen, context));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    seen,
    over: () => over,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(socket: Socket, first: Buffer, seen: Seen, context: SecureContext): void {
  if (first.length !== requestBytes || first.readInt32BE(4) !== sslRequest) {
    seen.plain += 1;
    socket.destroy();
    return;
  }
  seen.askedForTls += 1;
  socket.write('S');
  const secure = new TLSSocket(socket, { isServer: true, secureContext: context });
  // A client that refuses the certificate says so by an alert: that is what is hoped for.
  secure.on('error', () => undefined);
  secure.once('data', () => {
    seen.trusted += 1;
    secure.destroy();
  });
}
