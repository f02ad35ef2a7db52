import { randomUUIDv7 } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createCommandPool, runCommand, UsageError } from './command.ts';
import { loadCommandConfig } from './config.ts';
import { ensureAccounts, recordDeposits } from './db/accounts.ts';
import { insertApiKeys, listApiKeys, revokeApiKey } from './db/api-keys.ts';
import { type DatabasePool, type Tx, transaction, withConnection } from './db/pool.ts';
import { KEY_ROLES, type KeyRole, mintKey } from './domain/api-key.ts';
import { isBookable } from './domain/money.ts';

const USAGE = `Usage: node service/src/keys.ts create --role ROLE [--account NAME] [--deposit AMOUNT] [--expires TIME] [--json]
       node service/src/keys.ts list [--json]
       node service/src/keys.ts revoke PREFIX

create   makes a key and shows it this once; only its SHA-256 is stored
  --role ROLE       viewer, trader, operator or admin
  --account NAME    whose key it is, made if there is none yet; needed for viewer and trader
  --deposit AMOUNT  cash to record as paid in, such as 100000.00
  --expires TIME    RFC 3339, such as 2030-01-01T00:00:00Z; without it the key holds until it is revoked
list     shows prefixes, never keys
revoke   ends the key with this prefix at once

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
  if (!(await transaction(pool, (tx) => revokeApiKey(tx, prefix)))) {
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

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    options: {
      role: { type: 'string' },
      account: { type: 'string' },
      deposit: { type: 'string' },
      expires: { type: 'string' },
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

type Values = Parameters<typeof parseCreate>[0] & { json: boolean };

/** The command line is checked in full before anything is connected. */
function commandOf(positionals: string[], values: Values): (pool: DatabasePool) => Promise<string> {
  const [command, prefix, ...rest] = positionals;
  if (command === 'create' && prefix === undefined) {
    parseCreate(values);
    return (pool) => create(pool, values, values.json);
  }
  if (command === 'list' && prefix === undefined) {
    return (pool) => list(pool, values.json);
  }
  if (command === 'revoke' && prefix !== undefined && rest.length === 0) {
    return async (pool) => {
      await revokeKey(pool, prefix);
      return `revoked ${prefix}`;
    };
  }
  throw new UsageError('say create, list, or revoke with a prefix');
}

if (import.meta.main) {
  await runCommand(USAGE, main);
}
