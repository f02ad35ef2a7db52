import type { Chart } from '../../../engine/chart.ts';
import type { Finding } from '../../../engine/gate.ts';
import type { BackupSeen } from '../../../io/pgbackrest.ts';

/** A full backup: how large the cluster was when it was taken. */
export interface SizeSeen {
  label: string;
  sizeBytes: number;
}

/** A database that halves, or doubles, from one backup to the next has lost something or is being filled. */
const [least, most] = [0.5, 2];
/** What a night changes is compared, for a month. */
const fullsCompared = 30;
/** Smaller ones change by half with every migration. */
const tooSmallBytes = 1_000_000;

/** Full backups of one repository, oldest first. */
export function sizesOf(backups: readonly BackupSeen[], repository: number): SizeSeen[] {
  return backups
    .filter((backup) => backup.repository === repository && backup.type === 'full')
    .slice(-fullsCompared)
    .map(({ label, sizeBytes }) => ({ label, sizeBytes }));
}

export function sizeCharts(sizes: readonly SizeSeen[]): Chart[] {
  const points = sizes.map(({ label, sizeBytes }) => ({ label, value: Math.round(sizeBytes / 1e6) }));
  return points.length === 0 ? [] : [{ title: 'full backups', unit: 'MB', form: 'line', points }];
}

/** Only the newest: what was found strange before was looked at then. */
export function judgeSizes(sizes: readonly SizeSeen[]): Finding[] {
  const [before, newest] = sizes.slice(-2);
  if (!before || !newest || Math.max(before.sizeBytes, newest.sizeBytes) < tooSmallBytes) return [];
  const ratio = newest.sizeBytes / before.sizeBytes;
  if (least <= ratio && ratio <= most) return [];
  return [
    {
      message: `the cluster has ${inMb(newest)} in ${newest.label}, and had ${inMb(before)} in ${before.label}`,
      identity: `size ${newest.label}`,
      fix: `Find out what has gone or come in between, and keep ${before.label} until you know: \`pgbackrest --set=${before.label} restore\` beside production.`,
    },
  ];
}

function inMb({ sizeBytes }: SizeSeen): string {
  return `${Math.round(sizeBytes / 1e6)} MB`;
}
