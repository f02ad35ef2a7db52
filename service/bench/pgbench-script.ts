import { placementLocksSql, READ_PLACEMENT_SQL, WRITE_PLACEMENT_SQL } from '../src/db/place-order.ts';

/** Stand-ins for the two values that the service writes into the text of its first statement. */
const ACCOUNT = '00000000-0000-0000-0000-000000000000';
const LOCK = '1234567890123456789';

/** 32 hexadecimal digits of two numbers: ids that grow with time, as the service's version 7 UUIDs do. */
const ID = `(lpad(to_hex(:hi::bigint), 16, '0') || lpad(to_hex(:lo::bigint), 16, '0'))::uuid`;
const KEY = `'bench-' || :hi || '-' || :lo`;

/** What stands for each parameter of the read, by its number. */
const READ_VALUES = [':account::uuid', KEY, `'BTCUSDT'`, ':quote_max_age_ms', 'NULL'];

/** What stands for each parameter of the write, by its number: the order of loadtests/place-order.ts. */
const WRITE_VALUES = [
  ID,
  ':account::uuid',
  `${ID}::text`,
  `'BTCUSDT'`,
  `'BUY'`,
  `'LIMIT'`,
  `'0.001'`,
  `'100'`,
  `'PAPER'`,
  `'GTC'`,
  'NULL',
  `'OPEN'`,
  `'0.1'`,
  `'0'`,
  'NULL',
  ':r_now',
  `'PLACED'`,
  ':event_data',
  KEY,
  `:request_hash`,
  '201',
  ':reply_body',
  `'0.1'`,
  `'0'`,
];

/** The statement with each `$n` replaced; comments and line breaks go, because pgbench ends a command at a `;` only. */
function substitute(sql: string, values: readonly string[]): string {
  const filled = sql.replaceAll(/\$(\d+)/g, (_, number: string) => {
    const value = values[Number(number) - 1];
    if (value === undefined) {
      throw new RangeError(`no value for $${number}`);
    }
    return `(${value})`;
  });
  return filled.replaceAll(/\s+/g, ' ').trim();
}

/**
 * A pgbench script of the service's own placement: the very same SQL text and the same four round trips (BEGIN travels
 * with the locks, in a pipeline). Each client trades for one of `accounts`, as each virtual user does over HTTP.
 */
export function pgbenchScript(accounts: readonly string[]): string {
  if (accounts.length === 0 || !accounts.every((id) => /^[0-9a-f-]{36}$/.test(id))) {
    throw new RangeError('at least one account id is needed');
  }
  const list = `ARRAY['${accounts.join(`', '`)}']`;
  const locks = placementLocksSql(ACCOUNT, LOCK)
    .replace(`'${ACCOUNT}'`, ':account::uuid')
    .replace(LOCK, ':lock::bigint');
  return `\\if :started = 0
SELECT (${list})[1 + :client_id::integer % ${accounts.length}] AS account \\gset
\\set started 1
\\endif
\\set n :n + 1
\\set hi :base + :n
\\set lo random(0, 4611686018427387903)
\\set lock random(-4611686018427387903, 4611686018427387903)
\\startpipeline
BEGIN ISOLATION LEVEL READ COMMITTED;
${substitute(locks, [])};
\\endpipeline
${substitute(READ_PLACEMENT_SQL, READ_VALUES)} \\gset r_
${substitute(WRITE_PLACEMENT_SQL, WRITE_VALUES)};
COMMIT;
`;
}

/** Values of the script's own variables, for `-D name=value`: texts of the size that the service writes. */
export function pgbenchVariables(nowMs: number): Readonly<Record<string, string>> {
  const ordered = {
    accountId: ACCOUNT,
    clientOrderId: ACCOUNT,
    symbol: 'BTCUSDT',
    side: 'BUY',
    type: 'LIMIT',
    quantity: '0.001',
    price: '100',
    mode: 'PAPER',
    timeInForce: 'GTC',
    expireAt: null,
    reservedCash: '0.1',
    reservedQuantity: '0',
    denialReason: null,
    feeBps: '0',
  };
  const reply = { id: ACCOUNT, ...ordered, status: 'OPEN', version: 1, filledQuantity: '0', averageFillPrice: null };
  const at = new Date(nowMs).toISOString();
  return {
    started: '0',
    n: '0',
    // 48 bits of milliseconds in front, as in a version 7 UUID.
    base: String(BigInt(nowMs) << 16n),
    quote_max_age_ms: '15000',
    request_hash: '0'.repeat(64),
    event_data: JSON.stringify(ordered),
    reply_body: JSON.stringify({ ...reply, createdAt: at, updatedAt: at }),
  };
}
