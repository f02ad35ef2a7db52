import { gate, type Item } from '../item.ts';

/** What is measured while the service runs. */
export const metrics: readonly Item[] = [
  {
    id: 'metrics.processing-probed',
    severity: 'blocker',
    answer: gate('metrics/health-is-probed'),
    asks: ['S0:54 Set up health check monitoring for `/api/trade/process-orders` GET endpoint'],
  },
  {
    id: 'metrics.response-time',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S0:56 Set up response time monitoring', 'S2:191 Response time monitoring (target: <100ms for API calls)'],
  },
  {
    id: 'metrics.execution-success',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S0:69 Monitor order execution success rates'],
  },
  {
    id: 'metrics.processing-duration',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S0:70 Track order processing performance metrics'],
  },
  {
    id: 'metrics.database.queries',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: [
      'S0:71 Set up database performance monitoring',
      'S2:194 Database query performance monitoring',
      'S2:215 Query performance monitoring',
    ],
  },
  {
    id: 'metrics.database.resources',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S0:107 Monitor database resource usage'],
  },
  {
    id: 'metrics.host',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S0:110 Monitor server CPU/memory usage during processing', 'S2:207 Server resource utilization monitoring'],
  },
  {
    id: 'metrics.business',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S1:71 **S6: Business Metrics**', 'S2:195 Custom business metrics (trades executed, P&L tracking)'],
  },
  {
    id: 'metrics.memory',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S2:130 Memory leaks monitoring enabled'],
  },
  {
    id: 'metrics.network',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S2:187 Network throughput monitoring', 'S2:209 Network connectivity monitoring'],
  },
  {
    id: 'metrics.processes',
    severity: 'warning',
    answer: gate('metrics/health-is-probed'),
    asks: [
      'S2:188 Process health monitoring (database, application, web server)',
      'S2:208 Service status monitoring (up/down detection)',
    ],
  },
  {
    id: 'metrics.error-rate',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S2:192 Error rate monitoring (target: <0.1%)'],
  },
  {
    id: 'metrics.throughput',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S2:193 Transaction throughput monitoring'],
  },
  {
    id: 'metrics.database.pool',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S2:214 Database connection pool monitoring'],
  },
  {
    id: 'metrics.database.replication',
    severity: 'advisory',
    answer: gate('metrics/are-exported'),
    asks: ['S2:216 Database replication lag monitoring (if applicable)'],
  },
  {
    id: 'metrics.database.storage',
    severity: 'warning',
    answer: gate('metrics/are-exported'),
    asks: ['S2:217 Database storage monitoring'],
  },
  {
    id: 'metrics.prometheus',
    severity: 'warning',
    answer: gate('metrics/are-scraped'),
    asks: ['S3:121 Install Prometheus server'],
  },
  {
    id: 'metrics.scraped',
    severity: 'warning',
    answer: gate('metrics/are-scraped'),
    asks: ['S3:122 Configure scraping (ASP.NET Core metrics)'],
  },
  {
    id: 'metrics.retention',
    severity: 'warning',
    answer: gate('metrics/are-scraped'),
    asks: ['S3:123 Set up retention (30 days minimum)'],
  },
  {
    id: 'metrics.market-data-failover',
    severity: 'warning',
    answer: gate('dashboards/show-what-exists', 'market-data/fails-over'),
    asks: ['S3:153 Monitor failover metrics'],
  },
  {
    id: 'metrics.tracing',
    severity: 'advisory',
    answer: gate('tracing/orders-can-be-followed'),
    asks: ['S4:102 **Distributed tracing (optional but recommended)**'],
  },
];
