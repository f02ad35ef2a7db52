import { type Item, notApplicable } from '../item.ts';
import { NO_ANALYTICS, NO_FRONTEND, NO_PUSH } from '../reasons.ts';

/** Pages in a browser, pushed updates, reports to look at. */
export const frontend: readonly Item[] = [
  {
    id: 'frontend.application',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S3:331 Build Next.js 15 frontend'],
  },
  {
    id: 'frontend.positions',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S3:332 Real-time position tracking component'],
  },
  {
    id: 'frontend.charts',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S3:333 Performance charts (TradingView integration)'],
  },
  {
    id: 'frontend.strategies',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S3:334 Strategy configuration UI'],
  },
  {
    id: 'frontend.orders',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S3:335 Order placement interface'],
  },
  {
    id: 'frontend.tokens',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S3:336 Add JWT token-based authentication'],
  },
  {
    id: 'frontend.mobile',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S3:338 Mobile-responsive design'],
  },
  {
    id: 'frontend.live-updates',
    severity: 'advisory',
    answer: notApplicable(NO_PUSH),
    asks: ['S3:339 Real-time updates via WebSockets'],
  },
  {
    id: 'frontend.analytics.metrics',
    severity: 'advisory',
    answer: notApplicable(NO_ANALYTICS),
    asks: ['S3:350 Implement advanced metrics'],
  },
  {
    id: 'frontend.analytics.reports',
    severity: 'advisory',
    answer: notApplicable(NO_ANALYTICS),
    asks: ['S3:355 Create performance reports', 'S3:356 Daily/weekly/monthly summaries'],
  },
  {
    id: 'frontend.analytics.dashboards',
    severity: 'advisory',
    answer: notApplicable(NO_ANALYTICS),
    asks: ['S3:359 Add visualization dashboards'],
  },
  {
    id: 'frontend.push.channels',
    severity: 'advisory',
    answer: notApplicable(NO_PUSH),
    asks: ['S3:370 Connect SignalR to data channels'],
  },
  {
    id: 'frontend.push.prices',
    severity: 'advisory',
    answer: notApplicable(NO_PUSH),
    asks: ['S3:371 Stream live price updates (<100ms latency)'],
  },
  {
    id: 'frontend.push.positions',
    severity: 'advisory',
    answer: notApplicable(NO_PUSH),
    asks: ['S3:372 Broadcast position changes'],
  },
  {
    id: 'frontend.push.reconnects',
    severity: 'advisory',
    answer: notApplicable(NO_PUSH),
    asks: ['S3:374 Add client reconnection logic'],
  },
  {
    id: 'frontend.push.clients',
    severity: 'advisory',
    answer: notApplicable(NO_PUSH),
    asks: ['S3:375 Test with multiple clients'],
  },
  {
    id: 'frontend.error-boundaries',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S4:114 **Error boundaries in React components**'],
  },
  {
    id: 'frontend.load',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S4:207 **Dashboard load tested**', 'S4:208 1000+ SSE events in 10 minutes'],
  },
  {
    id: 'frontend.rendering',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S4:221 **React rendering optimized**'],
  },
  {
    id: 'frontend.bundle',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S4:226 **Bundle size optimized**', 'S4:230 Bundle size <500KB gzipped'],
  },
  {
    id: 'frontend.smoke',
    severity: 'advisory',
    answer: notApplicable(NO_FRONTEND),
    asks: ['S4:275 Dashboard loads and connects to SSE'],
  },
];
