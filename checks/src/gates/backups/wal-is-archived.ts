import { utimesSync } from 'node:fs';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { type Hole, holesIn, judgeHoles } from './support/holes.ts';
import {
  hourMs,
  judgeAge,
  judgeRepositories,
  minutes,
  observeRecords,
  primaryOf,
  type RecordFacts,
  sampleBackup,
  sampleNowMs,
  sampleRepository,
  segmentsOf,
} from './support/records.ts';
import { filesOf, rehearseRecords } from './support/sandbox-repository.ts';

interface Facts extends RecordFacts {
  withinMinutes: number;
  /** Of the first repository. */
  segments: number;
  newestSegment: { name: string; archivedAtMs: number } | null;
  holes: Hole[];
}

export default defineGate<Facts>({
  id: 'backups/wal-is-archived',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:backups', 'pgbackrest'],
  covers: ['backups.wal', 'backups.recovery-point', 'backups.objectives', 'backups.strategy.whole'],
  unit: 'segments of the write-ahead log, backups and repositories',
  why: 'What was committed since the last archived segment is lost with the cluster; a segment that is missing cuts off all that came after it.',
  fix: 'Look at pg_stat_archiver and at the log of `pgbackrest archive-push`, and set archive_timeout to less than what may be lost.',
  source: 'https://www.postgresql.org/docs/current/continuous-archiving.html',

  async observe(context) {
    const seen = await observeRecords(context);
    const primary = primaryOf(seen.repositories);
    const segments = await segmentsOf(context, primary);
    const own = seen.backups.filter(({ repository }) => repository === primary);
    const newest = segments.at(-1);
    return {
      examined: segments.length + seen.repositories.length + own.length,
      facts: {
        ...{ ...seen, backups: own.slice(-1), holes: holesIn(own, segments), segments: segments.length },
        withinMinutes: partOf(context.config, 'backups').promises.walWithinMinutes,
        newestSegment: newest ? { name: newest.name, archivedAtMs: newest.archivedAtMs } : null,
      },
    };
  },

  judge: (facts) => {
    const { nowMs, newestSegment, withinMinutes, backups, holes } = facts;
    const nothing = { message: 'there is no backup that the archived log could be applied to', identity: 'backup' };
    const newestMs = newestSegment?.archivedAtMs ?? null;
    return [
      ...judgeRepositories(facts),
      ...(backups.length > 0 ? [] : [nothing]),
      ...judgeAge('segment of the write-ahead log', nowMs, newestMs, minutes(withinMinutes)),
      ...judgeHoles(holes),
    ];
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ repositories: [sampleRepository({ code: 1, message: 'missing stanza path' })] }),
      facts({ backups: [] }),
      facts({ newestSegment: null }),
      facts({ newestSegment: { name: 'A', archivedAtMs: sampleNowMs - hourMs } }),
      facts({ newestSegment: { name: 'A', archivedAtMs: sampleNowMs + hourMs } }),
      facts({ holes: [{ without: 'the backup 1F', repository: 1, missing: ['000000010000000000000005'] }] }),
    ],
  },

  prepare: rehearseRecords,

  /** Nothing was archived for an hour. */
  async sabotage(sandbox) {
    const anHourAgo = (Date.now() - hourMs) / 1000;
    for (const file of filesOf(sandbox, /^archive\/.*\/[0-9A-F]{24}-/)) utimesSync(file, anHourAgo, anHourAgo);
    return undefined;
  },
});

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ nowMs: sampleNowMs, repositories: [sampleRepository()], backups: [sampleBackup()], holes: [] },
    ...{ withinMinutes: 15, segments: 200 },
    newestSegment: { name: '0000000100000000000000C8', archivedAtMs: sampleNowMs - minutes(14) },
    ...change,
  };
}
