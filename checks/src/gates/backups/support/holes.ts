import type { Finding } from '../../../engine/gate.ts';
import type { BackupSeen, SegmentSeen } from '../../../io/pgbackrest.ts';
import { missingBetween, timelineOf } from '../../../io/wal-segments.ts';

/** Segments that a restore would ask for in vain. */
export interface Hole {
  /** What cannot be restored without them. */
  without: string;
  repository: number;
  missing: string[];
}

/**
 * What `verify` does not tell: the log that each backup needs for itself, and all of it from the oldest backup that newer ones
 * still begin with up to the newest segment, so that every moment since can be reached.
 */
export function holesIn(backups: readonly BackupSeen[], segments: readonly SegmentSeen[]): Hole[] {
  const repositories = [...new Set(backups.map(({ repository }) => repository))];
  return repositories.flatMap((repository) => {
    const present = new Set(segments.filter((each) => each.repository === repository).map(({ name }) => name));
    const own = backups.filter((backup) => backup.repository === repository);
    const ofBackups = own.map(({ label, walStart, walStop }) => ({
      ...{ without: `the backup ${label}`, repository },
      missing: walStart === '' || walStop === '' ? ['all of its log'] : missingBetween(walStart, walStop, present),
    }));
    return [...ofBackups, ...since(own, present, repository)].filter(({ missing }) => missing.length > 0);
  });
}

/** From the newest full backup on. Older ones may keep no more than they need for themselves. */
function since(own: readonly BackupSeen[], present: ReadonlySet<string>, repository: number): Hole[] {
  const full = own.filter(({ type, walStart }) => type === 'full' && walStart !== '').at(-1);
  if (!full) return [];
  const later = [...present].filter((name) => timelineOf(name) === timelineOf(full.walStart)).sort();
  const newest = later.at(-1);
  const missing = newest === undefined || newest < full.walStart ? [] : missingBetween(full.walStart, newest, present);
  return [{ without: `a moment after the full backup ${full.label}`, repository, missing }];
}

const named = 3;

export function judgeHoles(holes: readonly Hole[]): Finding[] {
  return holes.map(({ without, repository, missing }) => {
    const which = missing.slice(0, named).join(', ') + (missing.length > named ? ' and more' : '');
    return {
      message: `repository ${repository} lacks ${which}, and ${without} cannot be restored without it`,
      identity: `hole ${repository} ${without}`,
      fix: 'Take a full backup now: from it on the log is whole again. Then see where the segments went: archive_command must fail when it has not kept one.',
    };
  });
}
