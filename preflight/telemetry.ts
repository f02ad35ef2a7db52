/** What can be measured of it, and what it promises. */
import type { ConfigInput } from 'preflight';

export const metrics: ConfigInput['metrics'] = {
  url: '{metricsUrl}/metrics',
  promised: [
    {
      ...{ name: 'http_server_request_duration_seconds', type: 'histogram', moves: {} },
      labels: ['http_request_method', 'http_route', 'http_response_status_code'],
      items: ['metrics.response-time', 'metrics.error-rate', 'metrics.throughput'],
    },
    {
      ...{ name: 'orders_total', type: 'counter', labels: ['outcome'], moves: { outcome: 'placed' } },
      items: ['metrics.throughput', 'metrics.business', 'metrics.execution-success'],
    },
    {
      ...{ name: 'limit_processor_orders_total', type: 'counter', labels: ['result'], moves: { result: 'executed' } },
      items: ['metrics.execution-success', 'metrics.business'],
    },
    { name: 'limit_processor_failed_cycles_total', type: 'counter', items: ['metrics.execution-success'] },
    {
      ...{ name: 'limit_processor_cycle_duration_seconds', type: 'histogram', moves: {} },
      items: ['metrics.processing-duration'],
    },
    { name: 'auth_failures_total', type: 'counter', labels: ['failure'], moves: { failure: 'unknown' } },
    { name: 'requests_shed_total', type: 'counter', labels: ['cause'] },
    { name: 'activity_projected_total', type: 'counter', moves: {} },
    { name: 'webhook_attempts_total', type: 'counter', labels: ['outcome'] },
    { name: 'log_lines_total', type: 'counter', labels: ['level'], items: ['metrics.error-rate'] },
    { name: 'log_alarms_total', type: 'counter', labels: ['message'] },
    { name: 'kill_switch_engaged', type: 'gauge' },
    { name: 'outbox_backlog_events', type: 'gauge' },
    { name: 'orders_waiting', type: 'gauge' },
    { name: 'portfolio_staleness_seconds', type: 'gauge' },
    { name: 'reconciliation_actions', type: 'gauge' },
    { name: 'reconciliation_unresolved', type: 'gauge' },
    { name: 'reconciliation_age_seconds', type: 'gauge' },
    { name: 'reconciliation_duration_seconds', type: 'gauge' },
    { name: 'webhook_backlog_deliveries', type: 'gauge' },
    { name: 'orders_busiest_account_per_minute', type: 'gauge' },
    { name: 'database_rows_written_total', type: 'counter', moves: {}, items: ['metrics.database.resources'] },
    { name: 'database_deadlocks_total', type: 'counter', items: ['metrics.database.resources'] },
    { name: 'worker_heartbeat_age_seconds', type: 'gauge', labels: ['worker'] },
    { name: 'worker_paused', type: 'gauge', labels: ['worker'] },
    { name: 'portfolio_value', type: 'gauge', items: ['metrics.business'] },
    { name: 'portfolio_profit', type: 'gauge', items: ['metrics.business'] },
    { name: 'portfolio_positions', type: 'gauge', items: ['metrics.business'] },
    { name: 'market_data_quote_age_seconds', type: 'gauge' },
    { name: 'database_up', type: 'gauge', items: ['metrics.network'] },
    {
      ...{ name: 'database_statement_duration_seconds', type: 'histogram', labels: ['pool'], moves: { pool: 'api' } },
      items: ['metrics.database.queries'],
    },
    { name: 'database_pool_connections', type: 'gauge', labels: ['pool', 'state'], items: ['metrics.database.pool'] },
    { name: 'database_pool_waiting', type: 'gauge', labels: ['pool'], items: ['metrics.database.pool'] },
    { name: 'database_pool_max_connections', type: 'gauge', labels: ['pool'], items: ['metrics.database.pool'] },
    { name: 'database_server_connections', type: 'gauge', items: ['metrics.database.resources'] },
    { name: 'database_server_max_connections', type: 'gauge', items: ['metrics.database.resources'] },
    { name: 'database_transactions_total', type: 'counter', labels: ['end'], items: ['metrics.database.resources'] },
    { name: 'database_blocks_total', type: 'counter', labels: ['found'], items: ['metrics.database.resources'] },
    { name: 'database_size_bytes', type: 'gauge', items: ['metrics.database.storage'] },
    { name: 'database_replication_standbys', type: 'gauge', items: ['metrics.database.replication'] },
    { name: 'database_replication_lag_seconds', type: 'gauge', items: ['metrics.database.replication'] },
    { name: 'process_cpu_seconds_total', type: 'counter', labels: ['mode'], moves: {}, items: ['metrics.host'] },
    { name: 'process_memory_bytes', type: 'gauge', labels: ['kind'], items: ['metrics.memory', 'metrics.host'] },
    { name: 'process_event_loop_delay_seconds', type: 'gauge', items: ['metrics.host'] },
    { name: 'host_cpu_seconds_total', type: 'counter', labels: ['mode'], moves: {}, items: ['metrics.host'] },
    { name: 'host_memory_bytes', type: 'gauge', labels: ['state'], items: ['metrics.host'] },
    { name: 'host_filesystem_bytes', type: 'gauge', labels: ['state'], items: ['metrics.host'] },
    { name: 'host_network_bytes_total', type: 'counter', labels: ['direction'], items: ['metrics.network'] },
  ],
};

export const tracing: ConfigInput['tracing'] = {
  environment: {
    OTEL_EXPORTER_OTLP_ENDPOINT: '{otlpUrl}',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    // Spans go out soon: a check waits for them.
    OTEL_BSP_SCHEDULE_DELAY: '200',
  },
  attribute: 'order.id',
  traceField: 'traceId',
};

// Jobs and exporters as deploy/prometheus/prometheus.yml has them.
export const monitoring: ConfigInput['monitoring'] = {
  series: 'job="order-service"',
  probes: [
    { what: 'the service, through its proxy', selector: 'probe_success{job="health"}', items: ['metrics.processes'] },
    {
      what: 'the processing of orders',
      selector: 'probe_success{job="process-orders"}',
      items: ['metrics.processing-probed'],
    },
    { what: 'PostgreSQL', selector: 'pg_up', items: ['metrics.processes'] },
  ],
};

export const slo: ConfigInput['slo'] = {
  series: 'job="order-service"',
  requests: { histogram: 'http_server_request_duration_seconds', statusLabel: 'http_response_status_code' },
  executions: {
    ...{ counter: 'limit_processor_orders_total', label: 'result', succeeded: 'executed', failed: 'failed' },
  },
  // Of these a placement takes several, within 20 ms in all.
  statements: { histogram: 'database_statement_duration_seconds', withinSeconds: 0.01 },
  probe: { success: 'probe_success{job="health"}', seconds: 'probe_duration_seconds{job="health"}' },
  resources: {
    cpu: '1 - sum by (instance) (rate(host_cpu_seconds_total{mode="idle"}[5m])) / sum by (instance) (rate(host_cpu_seconds_total[5m]))',
    memory: 'host_memory_bytes{state="used"} / ignoring (state) sum without (state) (host_memory_bytes)',
    disk: 'host_filesystem_bytes{state="used"} / ignoring (state) sum without (state) (host_filesystem_bytes)',
  },
};

export const dashboards: ConfigInput['dashboards'] = {
  files: ['deploy/grafana/dashboards/*.json'],
  provisioning: ['deploy/grafana/provisioning/*/*.yaml'],
  // The last two only where there is a Redis, and where there are providers of quotes.
  others: ['up', 'probe_success', 'redis_up', 'quotes_requests_total'],
  required: [
    {
      ...{ items: ['dashboards.data'], dashboard: 'order-service-data' },
      panels: {
        'Data freshness': ['market_data_quote_age_seconds'],
        'Database write throughput': ['database_rows_written_total'],
        'Database cache hit rate': ['database_blocks_total'],
        'Quote provider usage': ['quotes_requests_total'],
      },
    },
    {
      ...{ items: ['market-data.quota-watched', 'metrics.market-data-failover'], dashboard: 'order-service-data' },
      panels: { 'Quote provider usage': ['quotes_requests_total'] },
    },
    {
      ...{ items: ['dashboards.api-success'], dashboard: 'order-service-overview' },
      panels: { 'API success rate': ['http_server_request_duration_seconds'] },
    },
    {
      ...{ items: ['dashboards.overview'], dashboard: 'order-service-overview' },
      panels: {
        'Replicas up': ['up'],
        Database: ['database_up'],
        'Kill switch': ['kill_switch_engaged'],
        'Orders executed': ['limit_processor_orders_total'],
        'Queue depths': ['outbox_backlog_events', 'orders_waiting', 'webhook_backlog_deliveries'],
        'Error rate': ['http_server_request_duration_seconds'],
      },
    },
    {
      ...{ items: ['dashboards.system'], dashboard: 'order-service-system' },
      panels: {
        CPU: ['host_cpu_seconds_total'],
        Memory: ['host_memory_bytes'],
        Disk: ['host_filesystem_bytes'],
        'Request rate': ['http_server_request_duration_seconds'],
        'Error rate': ['http_server_request_duration_seconds'],
        'Response time': ['http_server_request_duration_seconds'],
      },
    },
    {
      ...{ items: ['dashboards.trading'], dashboard: 'order-service-trading' },
      panels: {
        'Active positions': ['portfolio_positions'],
        'Daily profit and loss': ['portfolio_profit'],
        'Order success and failure': ['limit_processor_orders_total'],
        'Execution latency': ['limit_processor_cycle_duration_seconds'],
      },
    },
    {
      ...{ items: ['dashboards.order-flow'], dashboard: 'order-service-trading' },
      panels: { 'Order flow': ['orders_total', 'limit_processor_orders_total'] },
    },
    {
      ...{ items: ['dashboards.portfolio-staleness'], dashboard: 'order-service-trading' },
      panels: { 'Portfolio staleness': ['portfolio_staleness_seconds'] },
    },
    {
      ...{ items: ['dashboards.risk-approvals'], dashboard: 'order-service-trading' },
      panels: { 'Risk approval rate': ['orders_total'] },
    },
    {
      ...{ items: ['dashboards.reconciliation'], dashboard: 'order-service-trading' },
      panels: { Reconciliation: ['reconciliation_actions'] },
    },
  ],
};
