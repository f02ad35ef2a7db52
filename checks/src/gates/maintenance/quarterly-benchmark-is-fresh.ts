import { doneInTime } from './support/done-in-time.ts';

export default doneInTime({
  id: 'maintenance/quarterly-benchmark-is-fresh',
  severity: 'advisory',
  item: 'maintenance.quarterly.benchmark',
  why: 'A promise about latency that was last measured a year ago is about another service.',
});
