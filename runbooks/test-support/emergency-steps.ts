/** One line of a runbook that operators have in their fingers: it must work word for word. */
export interface EmergencyStep {
  /** What the operator wants to know or do. */
  readonly why: string;
  /** `<token>` stands for a trader's key, as in the runbook. */
  readonly command: string;
  /** What the output has within a second; without it the first output counts. */
  readonly until?: string;
}

export interface RecordedStep {
  readonly command: string;
  readonly shown: string;
}

const PLACE_ORDER = `curl -X POST http://localhost:3000/api/v1/orders \\
  -H "Authorization: Bearer <token>" \\
  -H "Idempotency-Key: $(uuidgen)" \\
  -H "Content-Type: application/json" \\
  -d '{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":0.001,"price":40000,"mode":"PAPER"}'`;

/**
 * The smoke tests, the emergency stop and the clearing are verbatim from the readiness checklist that the service was built
 * to; what is typed after them shows what they did.
 */
export const EMERGENCY_STEPS: readonly EmergencyStep[] = [
  { why: 'Run health check', command: 'curl http://localhost:3000/api/v1/health' },
  { why: 'Test order placement', command: PLACE_ORDER },
  {
    why: 'Verify order appears in DB',
    command: `psql $DATABASE_URL -c "SELECT id, status FROM execution.orders ORDER BY created_at DESC LIMIT 1;"`,
  },
  {
    why: 'Activate kill switch (stops all new orders)',
    command: `redis-cli SET kill_switch:global '{"active":true,"reason":"manual","activatedAt":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'","activatedBy":"ops"}'`,
  },
  { why: 'A new order is refused at once', command: PLACE_ORDER },
  {
    why: 'Verify all strategies stopped',
    command: `psql $DATABASE_URL -c "SELECT COUNT(*) FROM strategy.strategies WHERE status = 'RUNNING';"`,
    until: ' 0\n',
  },
  {
    why: 'Who, when and why are on record',
    command: `psql $DATABASE_URL -c "SELECT to_state, reason, changed_by, source FROM risk.kill_switch_events ORDER BY version DESC LIMIT 1;"`,
    until: 'HALTED',
  },
  { why: 'Clear kill switch', command: 'redis-cli DEL kill_switch:global' },
  { why: 'Orders are taken again', command: PLACE_ORDER, until: '"OPEN"' },
  {
    why: 'The clearing is on record',
    command: `psql $DATABASE_URL -c "SELECT to_state, reason, changed_by, source FROM risk.kill_switch_events ORDER BY version DESC LIMIT 1;"`,
    until: 'ACTIVE',
  },
];
