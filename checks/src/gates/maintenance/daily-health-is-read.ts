import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/daily-health-is-read',
  severity: 'warning',
  item: 'maintenance.daily.health',
  why: "What degrades slowly stays under every alert's threshold until a person compares it with yesterday.",
});
