/** What is written down of what happened. */
import type { ConfigInput } from 'preflight';

/** What happened: rows are added, and nothing else is done. */
export const recorded = [
  ...[
    'execution.order_events',
    'execution.fills',
    'execution.reconciliation_runs',
    'execution.reconciliation_findings',
    'execution.processing_pauses',
  ],
  ...['portfolio.ledger', 'portfolio.activity', 'portfolio.deposits', 'portfolio.transfers'],
  ...['risk.kill_switch_events', 'risk.limit_changes', 'strategy.strategy_events'],
  ...['access.lockout_events', 'access.key_events'],
];

export const logs: ConfigInput['logs'] = {
  levels: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'],
  requestId: { field: 'requestId', header: 'x-request-id' },
  writeId: 'orderId',
  complaints: {
    expected: [
      {
        message: 'Worker stopped without a word',
        reason: 'Gates end their processes at once: whoever lives on tells of their workers.',
      },
    ],
  },
  security: {
    wrongKey: { message: 'Access refused', who: 'address', fields: { code: 'unauthenticated' } },
    lockedOut: { message: 'Locked out', who: 'address' },
    forbidden: { message: 'Access refused', who: 'by', fields: { code: 'forbidden' } },
    rateLimited: { message: 'Access refused', who: 'address', fields: { code: 'rate_limited' } },
    killSwitch: { message: 'Kill switch changed', who: 'by' },
    limits: { message: 'Risk limits changed', who: 'by' },
  },
};

export const logCollection: ConfigInput['logCollection'] = {
  forward: 'deploy/logging/forward.conf',
  collect: 'deploy/logging/collect.conf',
  environment: {
    SERVICE_LOG: '{serviceLog}',
    DATABASE_LOG: '{databaseLog}',
    LOG_SERVER: '{address}',
    LOG_ADDRESS: '{address}',
    LOG_PORT: '{port}',
    LOG_SERVER_NAME: 'collector',
    LOG_PEERS: 'collector',
    LOG_STORE: '{store}',
    LOG_CA: '{ca}',
    LOG_CERTIFICATE: '{certificate}',
    LOG_KEY: '{key}',
  },
  rotation: ['deploy/logging/logrotate.conf'],
  store: '/var/log/collected/*/*.log',
};

export const audit: ConfigInput['audit'] = {
  tables: recorded,
  events: 'SELECT order_id::text FROM execution.order_events',
  invariants: [
    'the status of an order is the one that its last event left',
    'the events of an order follow one another without a gap, each by an allowed transition',
    'folding the events of an order gives its row',
    'a fill is booked once, and one event tells of it',
    'the kill switch stands where its last event left it',
  ],
  changes: [
    {
      name: 'kill switch',
      // It stays as it is: a change of its reason is a change too.
      request: { method: 'PUT', path: '/api/v1/kill-switch', body: { state: 'ACTIVE', reason: '{marker}' } },
      table: 'risk.kill_switch_events',
      records: 'SELECT reason, changed_by FROM risk.kill_switch_events',
    },
    {
      name: 'risk limits',
      request: {
        method: 'PUT',
        path: '/api/v1/risk/limits',
        body: { accountId: '{account}', reason: '{marker}', maxOpenOrders: 1_000_000 },
      },
      table: 'risk.limit_changes',
      records: 'SELECT reason, changed_by FROM risk.limit_changes',
    },
    {
      name: 'keys',
      command: ['node', 'service/src/keys.ts', 'create', '--role', 'viewer', '--account', '{marker}', '--json'],
      table: 'access.key_events',
      records: 'SELECT a.name, e.changed_by FROM access.key_events e JOIN portfolio.accounts a ON a.id = e.account_id',
    },
  ],
};
