import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/weekly-capacity-is-read',
  severity: 'advisory',
  item: 'maintenance.weekly.capacity',
  why: 'A disk fills over weeks, and takes the database with it in a minute.',
});
