import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/daily-alerts-are-read',
  severity: 'warning',
  item: 'maintenance.daily.security-alerts',
  why: 'An alert that nobody has read was raised for nobody: break-ins are found months later in alerts of the first day.',
});
