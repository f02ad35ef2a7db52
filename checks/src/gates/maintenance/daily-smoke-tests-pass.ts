import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/daily-smoke-tests-pass',
  severity: 'warning',
  item: 'maintenance.daily.trading',
  why: 'A market opens once a day: that orders cannot be placed has to be known before.',
});
