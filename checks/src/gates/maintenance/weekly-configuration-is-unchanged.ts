import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/weekly-configuration-is-unchanged',
  severity: 'warning',
  item: 'maintenance.weekly.configuration',
  why: 'What was changed by hand in an emergency is undone by the next deployment, or is a hole that nobody reviewed.',
});
