import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/daily-error-log-is-read',
  severity: 'warning',
  item: 'maintenance.daily.errors',
  why: "An error that is logged a few times a day sets off no alert, and is the first sign of tomorrow's outage.",
});
