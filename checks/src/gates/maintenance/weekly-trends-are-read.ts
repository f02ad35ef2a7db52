import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/weekly-trends-are-read',
  severity: 'advisory',
  item: 'maintenance.weekly.trends',
  why: 'A service that becomes a percent slower each week meets its objectives until the week when it does not.',
});
