import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/daily-slo-is-read',
  severity: 'warning',
  item: 'maintenance.daily.performance',
  why: 'A budget of errors that nobody looks at is found to be spent when it is gone.',
});
