import { randomUUIDv7 } from 'node:crypto';
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { clearLockout, LOCKOUT_PAGE_MAX, listLockouts } from './access/lockouts.ts';
import { rotateKey } from './access/rotate-key.ts';
import { createCommandPool, runCommand, UsageError } from './command.ts';
import { loadCommandConfig } from './config.ts';
import { ensureAccounts, recordDeposits } from './db/accounts.ts';
import { insertApiKeys, listApiKeys, nameKeyChanger, revokeApiKey } from './db/api-keys.ts';
import { type DatabasePool, type Tx, transaction, withConnection } from './db/pool.ts';
import { KEY_ROLES, type KeyRole, mintKey } from './domain/api-key.ts';
import { isBookable } from './domain/money.ts';

const USAGE = `Usage: node service/src/keys.ts create --role ROLE [--account NAME] [--deposit AMOUNT] [--expires TIME] [--json]
       node service/src/keys.ts list [--json]
       node service/src/keys.ts rotate PREFIX [--overlap DURATION] [--json]
       node service/src/keys.ts revoke PREFIX
       node service/src/keys.ts lockouts [--json]
       node service/src/keys.ts unlock ADDRESS

create   makes a key and shows it this once; only its SHA-256 is stored
  --role ROLE       viewer, trader, operator or admin
  --account NAME    whose key it is, made if there is none yet; needed for viewer and trader
  --deposit AMOUNT  cash to record as paid in, such as 100000.00
  --expires TIME    RFC 3339, such as 2030-01-01T00:00:00Z; without it the key holds until it is revoked
list     shows prefixes, never keys
rotate   makes a key for the same account and role, that lives as long as the old one was made for; the old one ends later
  --overlap DURATION  how long both are good, such as 30m, 24h or 7d; default 24h
revoke   ends the key with this prefix at once, on every replica
lockouts shows the newest lockouts that stand, by address and, where only one key is concerned, its prefix
unlock   lets an address in again; an IPv6 address stands for its /56

Environment: DATABASE_URL. Exit codes: 0 done, 1 failed, 2 usage, 78 environment.`;

interface CreateKey {
  readonly role: KeyRole;
  readonly account: string | undefined;
  readonly deposit: string | undefined;
  readonly expires: string | undefined;
}

interface CreatedKey {
  readonly key: string;
  readonly prefix: string;
  readonly role: KeyRole;
  readonly account: string | null;
  readonly accountId: string | null;
  readonly expiresAt: string | null;
}

/** Makes a key, and its account if there is none of that name, in one transaction. */
export async function createKey(pool: DatabasePool, request: CreateKey): Promise<CreatedKey> {
  const minted = mintKey();
  const expiresAt = request.expires ?? null;
  const accountId = await transaction(pool, async (tx) => {
    const id = request.account === undefined ? null : await accountNamed(tx, request.account);
    if (id !== null && request.deposit !== undefined) {
      await recordDeposits(tx, [{ id: randomUUIDv7(), accountId: id, amount: request.deposit }], 'keys create');
    }
    const { prefix, digest } = minted;
    await nameKeyChanger(tx, whoRunsIt());
    await insertApiKeys(tx, [{ id: randomUUIDv7(), prefix, digest, role: request.role, accountId: id, expiresAt }]);
    return id;
  });
  const { key, prefix } = minted;
  return { key, prefix, role: request.role, account: request.account ?? null, accountId, expiresAt };
}

async function accountNamed(tx: Tx, name: string): Promise<string> {
  const [account] = await ensureAccounts(tx, [{ id: randomUUIDv7(), name }]);
  if (account === undefined) {
    throw new Error('the account was neither found nor made');
  }
  return account.id;
}

/** Ends the key; an unknown prefix, or one that was revoked before, is an error. */
export async function revokeKey(pool: DatabasePool, prefix: string): Promise<void> {
  const revoked = await transaction(pool, async (tx) => {
    await nameKeyChanger(tx, whoRunsIt());
    return revokeApiKey(tx, prefix);
  });
  if (!revoked) {
    throw new Error(`no usable key has the prefix ${prefix}`);
  }
}

function parseCreate(values: { role?: string; account?: string; deposit?: string; expires?: string }): CreateKey {
  const role = KEY_ROLES.find((candidate) => candidate === values.role);
  if (role === undefined) {
    throw new UsageError(`--role must be one of ${KEY_ROLES.join(', ')}`);
  }
  if (values.account === undefined && (role === 'viewer' || role === 'trader')) {
    throw new UsageError(`a ${role} key needs --account`);
  }
  if (values.account !== undefined && (values.account.trim() !== values.account || values.account === '')) {
    throw new UsageError('--account must not be empty, nor begin or end with a space');
  }
  if (values.deposit !== undefined && (values.account === undefined || !isBookable(values.deposit))) {
    throw new UsageError('--deposit must be a positive amount such as 100000.00, and goes with --account');
  }
  return { role, account: values.account, deposit: values.deposit, expires: parseExpiry(values.expires) };
}

function parseExpiry(text: string | undefined): string | undefined {
  if (text === undefined) {
    return undefined;
  }
  try {
    const instant = Temporal.Instant.from(text);
    if (Temporal.Instant.compare(instant, Temporal.Now.instant()) > 0) {
      return instant.toString();
    }
  } catch (error) {
    throw new UsageError('--expires must be a time such as 2030-01-01T00:00:00Z', { cause: error });
  }
  throw new UsageError('--expires must be in the future');
}

async function create(pool: DatabasePool, values: Parameters<typeof parseCreate>[0], json: boolean): Promise<string> {
  const created = await createKey(pool, parseCreate(values));
  return json
    ? JSON.stringify(created)
    : `${created.key}\n\nThis ${created.role} key is shown this once. It is listed, and revoked, as ${created.prefix}.`;
}

async function list(pool: DatabasePool, json: boolean): Promise<string> {
  const keys = await withConnection(pool, listApiKeys);
  if (json) {
    return JSON.stringify(keys);
  }
  const rows = keys.map((key) =>
    [
      key.prefix,
      key.role.padEnd(8),
      key.revokedAt === null ? `expires ${key.expiresAt ?? 'never'}` : `revoked ${key.revokedAt}`,
      `last used ${key.lastUsedAt ?? 'never'}`,
      key.account ?? '',
    ].join('  '),
  );
  return rows.length === 0 ? 'no keys' : rows.join('\n');
}

const OVERLAP_DEFAULT = '24h';
const OVERLAP_MAX_SECONDS = 30 * 86_400;
const SECONDS_IN = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

function parseOverlap(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS_IN[unit as keyof typeof SECONDS_IN] ?? 0);
  if (count === '' || seconds > OVERLAP_MAX_SECONDS) {
    throw new UsageError('--overlap must be a duration such as 30m, 24h or 7d, of 30 days at most');
  }
  return seconds;
}

async function rotate(pool: DatabasePool, prefix: string, overlapSeconds: number, json: boolean): Promise<string> {
  const rotated = await rotateKey(pool, prefix, overlapSeconds, whoRunsIt());
  if (rotated === undefined) {
    throw new Error(`no usable key has the prefix ${prefix}`);
  }
  return json
    ? JSON.stringify({ ...rotated, replaces: prefix })
    : `${rotated.key}\n\nThis ${rotated.role} key is shown this once. It is listed, and revoked, as ${rotated.prefix}.\n${prefix} ends ${rotated.oldExpiresAt}.`;
}

async function lockouts(pool: DatabasePool, json: boolean): Promise<string> {
  const { lockouts: found } = await listLockouts(pool, { limit: LOCKOUT_PAGE_MAX });
  if (json) {
    return JSON.stringify(found);
  }
  const rows = found.map(({ address, prefix, failures, lockedUntil }) =>
    [address, prefix ?? 'every key', `${failures} failures`, `until ${lockedUntil}`].join('  '),
  );
  return rows.length === 0 ? 'no lockouts' : rows.join('\n');
}

async function unlock(pool: DatabasePool, address: string): Promise<string> {
  return `cleared ${await clearLockout(pool, address, whoRunsIt())} lockouts of ${address}`;
}

/** The operating system's user stands in the record: a command has no API key. */
function whoRunsIt(): string {
  return `command:${userInfo().username}`;
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: {
      role: { type: 'string' },
      account: { type: 'string' },
      deposit: { type: 'string' },
      expires: { type: 'string' },
      overlap: { type: 'string', default: OVERLAP_DEFAULT },
      json: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const run = commandOf(positionals, values);
  const pool = createCommandPool(loadCommandConfig().databaseUrl, 'keys');
  try {
    process.stdout.write(`${await run(pool)}\n`);
  } finally {
    await pool.end();
  }
}

type Values = Parameters<typeof parseCreate>[0] & { json: boolean; overlap: string };

type Command = (pool: DatabasePool) => Promise<string>;

/** The commands, each of which checks the rest of its command line in full before anything is connected. */
const COMMANDS = new Map<string, (values: Values) => Command>([
  [
    'create',
    (values) => {
      parseCreate(values);
      return (pool) => create(pool, values, values.json);
    },
  ],
  ['list', (values) => (pool) => list(pool, values.json)],
  ['lockouts', (values) => (pool) => lockouts(pool, values.json)],
]);
const COMMANDS_WITH_ARGUMENT = new Map<string, (argument: string, values: Values) => Command>([
  [
    'rotate',
    (prefix, values) => {
      const overlapSeconds = parseOverlap(values.overlap);
      return (pool) => rotate(pool, prefix, overlapSeconds, values.json);
    },
  ],
  [
    'revoke',
    (prefix) => async (pool) => {
      await revokeKey(pool, prefix);
      return `revoked ${prefix}`;
    },
  ],
  ['unlock', (address) => (pool) => unlock(pool, address)],
]);

function commandOf(positionals: string[], values: Values): Command {
  const [name = '', argument, ...rest] = positionals;
  const command =
    argument === undefined ? COMMANDS.get(name)?.(values) : COMMANDS_WITH_ARGUMENT.get(name)?.(argument, values);
  if (rest.length > 0 || command === undefined) {
    throw new UsageError('say create, list, rotate or revoke with a prefix, lockouts, or unlock with an address');
  }
  return command;
}

if (import.meta.main) {
  await runCommand(USAGE, main);
}
