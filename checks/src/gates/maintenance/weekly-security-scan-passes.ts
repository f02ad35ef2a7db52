import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/weekly-security-scan-passes',
  severity: 'warning',
  item: 'maintenance.weekly.security-scan',
  why: 'A dependency that was sound when it was released has known holes a week later, without a change of ours.',
});
