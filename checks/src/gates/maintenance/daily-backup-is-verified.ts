import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/daily-backup-is-verified',
  severity: 'warning',
  item: 'maintenance.daily.backups',
  why: 'A backup that failed on Monday is worth nothing on Friday, when somebody needs it.',
});
