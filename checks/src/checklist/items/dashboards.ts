import { gate, type Item, signOff } from '../item.ts';

/** What an operator sees at a glance. */
export const dashboards: readonly Item[] = [
  {
    id: 'dashboards.api-success',
    severity: 'warning',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S0:57 Create dashboard for API success rates'],
  },
  {
    id: 'dashboards.order-flow',
    severity: 'advisory',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S1:134 Order flow (submitted → filled)'],
  },
  {
    id: 'dashboards.portfolio-staleness',
    severity: 'advisory',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S1:135 Portfolio staleness distribution'],
  },
  {
    id: 'dashboards.risk-approvals',
    severity: 'advisory',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S1:136 Risk Service approval rate'],
  },
  {
    id: 'dashboards.reconciliation',
    severity: 'advisory',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S1:137 Reconciliation actions per run'],
  },
  {
    id: 'dashboards.access',
    severity: 'advisory',
    answer: signOff('devops', 180, 'Who can open the dashboards, checked by opening them.'),
    asks: ['S2:51 Monitoring dashboard access configured'],
  },
  {
    id: 'dashboards.system',
    severity: 'warning',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S3:124 Create Grafana Dashboard 1: System Health'],
  },
  {
    id: 'dashboards.trading',
    severity: 'warning',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S3:128 Create Grafana Dashboard 2: Trading Metrics', 'S3:130 Daily PnL'],
  },
  {
    id: 'dashboards.data',
    severity: 'warning',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S3:133 Create Grafana Dashboard 3: Data Infrastructure'],
  },
  {
    id: 'dashboards.overview',
    severity: 'warning',
    answer: gate('dashboards/show-what-exists'),
    asks: ['S4:281 **Monitoring dashboards created**'],
  },
];
