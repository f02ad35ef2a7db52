import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execOrThrow } from '../io/exec.ts';
import type { Tools } from '../io/tools.ts';

/** A certificate for one host, and the authority of the sandbox's own that signed it: files in PEM. */
export interface Certificate {
  keyFile: string;
  certificateFile: string;
  authorityFile: string;
  authority: string;
}

/** How long an authority of the sandbox holds: longer than anything that it signs. */
const authorityDays = 3650;

/** Makes both in the directory. `days` is how long the host's certificate holds from now on. */
export async function makeCertificate(
  directory: string,
  tools: Tools,
  host: string,
  { days = 90, name = 'edge' }: { days?: number; name?: string } = {},
): Promise<Certificate> {
  const at = (file: string) => join(directory, `${name}-${file}`);
  const openssl = (...args: string[]) => execOrThrow(tools.path('openssl'), args, { cwd: directory });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const authorityFile = at('authority.pem');
  const authorityKey = at('authority-key.pem');
  const authority = ['-subj', '/CN=preflight sandbox', '-days', String(authorityDays)];
  const isAuthority = ['-addext', 'basicConstraints=critical,CA:TRUE'];
  await openssl('req', '-x509', ...key, '-keyout', authorityKey, '-out', authorityFile, ...authority, ...isAuthority);
  const [keyFile, certificateFile] = [at('key.pem'), at('certificate.pem')];
  const signed = ['-CA', authorityFile, '-CAkey', authorityKey, '-days', String(days), '-subj', `/CN=${host}`];
  const names = ['-addext', `subjectAltName=DNS:${host}`, '-addext', 'basicConstraints=critical,CA:FALSE'];
  await openssl('req', '-x509', ...key, '-keyout', keyFile, '-out', certificateFile, ...signed, ...names);
  return { keyFile, certificateFile, authorityFile, authority: await readFile(authorityFile, 'utf8') };
}
