/** Variables that say where something is. */
import { quoted, type Variable } from './variable.ts';

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);

/** A socket directory is this machine, too. `?host=` overrules the host of the URL, as in the client library. */
export function isLoopback(databaseUrl: string): boolean {
  const url = new URL(databaseUrl);
  const hosts = [
    ...url.searchParams.getAll('host'),
    ...(url.hostname === '' ? [] : [decodeURIComponent(url.hostname)]),
  ];
  return hosts.length > 0 && hosts.every((host) => LOOPBACK_HOSTS.has(host) || host.startsWith('/'));
}

/** To another machine only by TLS with a verified certificate: of all modes only this one does not go on without it. */
function isVerified(url: URL): boolean {
  const modes = url.searchParams.getAll('sslmode');
  return modes.length > 0 && modes.every((mode) => mode === 'verify-full');
}

/** A part of the URL may be a password, so no fault quotes any of it. */
export const databaseUrl: Variable<string> = {
  right: 'set postgres://user:password@host:5432/database, with ?sslmode=verify-full unless the host is this machine',
  parse: (raw) => {
    const url = URL.parse(raw);
    if (url === null) return { wrong: 'is not a URL' };
    if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') {
      return { wrong: 'does not start with postgres:// or postgresql://' };
    }
    // A socket directory is named by ?host=, as libpq and node-postgres understand it.
    if (url.hostname === '' && (url.searchParams.get('host') ?? '') === '') return { wrong: 'names no host' };
    if (url.pathname.length <= 1) return { wrong: 'names no database' };
    if (!isLoopback(raw) && !isVerified(url)) return { wrong: 'reaches another machine without sslmode=verify-full' };
    return { value: raw };
  },
};

/** A part of the URL may be a password, so no fault quotes any of it. */
export const redisUrl: Variable<string | null> = {
  right: 'leave it empty, or set redis://user:password@host:6379 (rediss:// for TLS)',
  fallback: '',
  parse: (raw) => {
    if (raw === '') return { value: null };
    const url = URL.parse(raw);
    if (url === null) return { wrong: 'is not a URL' };
    if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
      return { wrong: 'does not start with redis:// or rediss://' };
    }
    return url.hostname === '' ? { wrong: 'names no host' } : { value: raw };
  },
};

/** The path may hold a token, so no fault quotes any of it. */
export const webhookUrl: Variable<string | null> = {
  right: 'leave it empty, or set https://host/path (http:// on this machine only)',
  fallback: '',
  parse: (raw) => {
    if (raw === '') return { value: null };
    const url = URL.parse(raw);
    if (url === null) return { wrong: 'is not a URL' };
    if (url.username !== '' || url.password !== '') return { wrong: 'carries a user or a password' };
    const plain = url.protocol === 'http:' && LOOPBACK_HOSTS.has(url.hostname);
    return plain || url.protocol === 'https:' ? { value: raw } : { wrong: 'does not start with https://' };
  },
};

const ORIGINS_MAX = 50;

/** An origin as a browser sends it: scheme, host and port, nothing else. `null` and patterns are none. */
function isOrigin(text: string): boolean {
  return /^https?:\/\/[^*]+$/.test(text) && URL.parse(text)?.origin === text;
}

export const corsOrigins: Variable<readonly string[]> = {
  right: `leave it empty, or set up to ${ORIGINS_MAX} exact origins such as https://desk.example,https://desk.example:8443`,
  fallback: '',
  parse: (raw) => {
    const origins = raw === '' ? [] : raw.split(',').map((origin) => origin.trim());
    const bad = origins.find((origin) => !isOrigin(origin));
    if (bad !== undefined) return { wrong: `${quoted(bad)} is not an exact origin` };
    return origins.length > ORIGINS_MAX ? { wrong: `${origins.length} origins are too many` } : { value: origins };
  },
};

const PROVIDERS_MAX = 4;

/** The path may hold a token, so no fault quotes any of it. */
export const quoteProviders: Variable<readonly { name: string; url: string }[]> = {
  right: `leave it empty, or set up to ${PROVIDERS_MAX} as name=https://host/path/{symbol}, separated by spaces, the most believed first (http:// on this machine only)`,
  fallback: '',
  parse: (raw) => {
    const providers = raw
      .split(/\s+/)
      .filter((text) => text !== '')
      .map((text) => ({ name: text.split('=')[0] ?? '', url: text.slice(text.indexOf('=') + 1) }));
    if (providers.length > PROVIDERS_MAX) return { wrong: `${providers.length} providers are too many` };
    if (new Set(providers.map(({ name }) => name)).size < providers.length) return { wrong: 'names a provider twice' };
    const bad = providers.findIndex(({ name, url }) => !/^[a-z][a-z0-9-]{0,31}$/.test(name) || !isProviderUrl(url));
    return bad === -1 ? { value: providers } : { wrong: `names no provider at place ${bad + 1}` };
  },
};

function isProviderUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !text.includes('{symbol}') || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK_HOSTS.has(url.hostname));
}
