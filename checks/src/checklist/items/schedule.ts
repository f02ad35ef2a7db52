import { gate, type Item, notApplicable, signOff } from '../item.ts';
import { NO_VERCEL } from '../reasons.ts';

/** When the order processor runs. */
export const schedule: readonly Item[] = [
  {
    id: 'schedule.cycle.not-doubled',
    severity: 'blocker',
    answer: gate('schedule/process-orders-is-not-doubled'),
    asks: [],
  },
  {
    id: 'schedule.cycle.keys-rotate',
    severity: 'blocker',
    answer: gate('schedule/process-orders-is-not-doubled'),
    asks: [],
  },
  {
    id: 'schedule.cycle.recorded',
    severity: 'warning',
    answer: gate('schedule/last-cycle-is-recent'),
    asks: [],
  },
  {
    id: 'schedule.cycle.called',
    severity: 'blocker',
    answer: gate('schedule/target-is-called'),
    asks: [
      'S0:28 Set up cron job on production server',
      'S0:43 Verify scheduled execution is working',
      'S0:168 Verify cron job activation',
    ],
  },
  {
    id: 'schedule.cycle.logged',
    severity: 'warning',
    answer: signOff('devops', 90, "The last lines of the job's own log on the server that calls, with their times."),
    partly: ['schedule/target-is-called'],
    asks: ['S0:31 Verify cron job logs are being written'],
  },
  {
    id: 'schedule.cron.server',
    severity: 'blocker',
    answer: gate('schedule/cron-covers-market-hours'),
    asks: [
      'S0:29 Configure: `*/3 9-16 * * 1-5 curl -X POST -H "Authorization: Bearer [API_KEY]" https://[DOMAIN]/api/trade/process-orders`',
    ],
  },
  {
    id: 'schedule.cycle.by-hand',
    severity: 'warning',
    answer: gate('schedule/process-orders-is-not-doubled'),
    asks: ['S0:30 Test cron job execution manually'],
  },
  {
    id: 'schedule.cron.vercel',
    severity: 'advisory',
    answer: gate('schedule/cron-covers-market-hours'),
    asks: ['S0:34 Create `vercel.json` with cron configuration'],
  },
  {
    id: 'schedule.vercel.dashboard',
    severity: 'advisory',
    answer: notApplicable(NO_VERCEL),
    asks: ['S0:35 Deploy and verify cron function appears in Vercel dashboard'],
  },
  {
    id: 'schedule.vercel.trigger',
    severity: 'advisory',
    answer: notApplicable(NO_VERCEL),
    asks: ['S0:36 Test manual trigger from Vercel interface'],
  },
  {
    id: 'schedule.vercel.logs',
    severity: 'advisory',
    answer: notApplicable(NO_VERCEL),
    asks: ['S0:37 Monitor execution logs in Vercel'],
  },
  {
    id: 'schedule.cron.github',
    severity: 'advisory',
    answer: gate('schedule/cron-covers-market-hours'),
    asks: ['S0:40 Create `.github/workflows/process-orders.yml`'],
  },
  {
    id: 'schedule.github.secret',
    severity: 'warning',
    answer: signOff(
      'devops',
      90,
      "The list of the repository's secrets, with ORDER_PROCESSING_API_KEY and the date when it was set.",
    ),
    asks: ['S0:41 Set `ORDER_PROCESSING_API_KEY` as GitHub secret'],
  },
  {
    id: 'schedule.github.dispatched',
    severity: 'warning',
    answer: signOff('devops', 90, 'The URL of a manually dispatched run that ended well.'),
    asks: ['S0:42 Test workflow with manual dispatch'],
  },
  {
    id: 'schedule.market-hours',
    severity: 'blocker',
    answer: gate('schedule/cron-covers-market-hours'),
    asks: ['S0:46 Configure market hours schedule (9:30 AM - 4:00 PM EST, Monday-Friday)'],
  },
  {
    id: 'schedule.every-three-minutes',
    severity: 'blocker',
    answer: gate('schedule/cron-covers-market-hours'),
    asks: ['S0:47 Set processing frequency (recommended: every 3 minutes)'],
  },
  {
    id: 'schedule.clean-up',
    severity: 'warning',
    answer: gate('schedule/cron-covers-market-hours'),
    asks: ['S0:48 Add off-hours cleanup schedule (every 30 minutes outside market hours)'],
  },
  {
    id: 'schedule.daylight-saving',
    severity: 'blocker',
    answer: gate('schedule/cron-covers-market-hours'),
    asks: ['S0:49 Test timezone handling (EST/EDT transitions)'],
  },
  {
    id: 'schedule.cycle.healthy',
    severity: 'blocker',
    answer: gate('schedule/target-is-called', 'deploy/smoke-tests-pass'),
    asks: ['S4:276 Heartbeat runs without errors'],
  },
];
