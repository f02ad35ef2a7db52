import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import type { BackupSeen } from '../../io/pgbackrest.ts';
import {
  hourMs,
  judgeAge,
  judgeRepositories,
  minutes,
  observeRecords,
  type Promises,
  primaryOf,
  type RecordFacts,
  sampleBackup,
  sampleNowMs,
  sampleRepository,
  segmentsOf,
} from './support/records.ts';
import { rehearseRecords, withoutBackups } from './support/sandbox-repository.ts';

interface Facts extends RecordFacts {
  /** When the newest segment of the write-ahead log came to the same repository; null: there is none. */
  walArchivedAtMs: number | null;
  promises: Pick<Promises, 'fullWithinHours' | 'fullStarts' | 'walWithinMinutes'>;
}

export default defineGate<Facts>({
  id: 'backups/full-backup-is-fresh',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:backups', 'pgbackrest'],
  covers: [
    ...['backups.strategy', 'backups.strategy.whole', 'backups.full.daily', 'backups.location.primary'],
    'db.provisioned',
  ],
  unit: 'repositories and backups',
  why: 'A nightly job that stopped says nothing. The day that its backup is needed is the day that somebody reads its log.',
  fix: 'Run `pgbackrest --type=full backup` now, then see why its schedule did not: its log, its key, and the space that it has.',
  source: 'https://pgbackrest.org/user-guide.html#quickstart/perform-backup',

  async observe(context) {
    const seen = await observeRecords(context);
    const primary = primaryOf(seen.repositories);
    const newest = (await segmentsOf(context, primary)).at(-1);
    const backups = seen.backups.filter(({ repository, type }) => repository === primary && type === 'full');
    const { promises } = partOf(context.config, 'backups');
    return {
      examined: seen.repositories.length + seen.backups.length,
      facts: { ...seen, backups, walArchivedAtMs: newest?.archivedAtMs ?? null, promises },
    };
  },

  judge(facts) {
    const { nowMs, backups, promises, walArchivedAtMs } = facts;
    const newest = backups.at(-1);
    return [
      ...judgeRepositories(facts),
      ...judgeAge('full backup', nowMs, newest?.stoppedAtMs ?? null, promises.fullWithinHours * hourMs),
      ...(newest ? [...judgePages(newest), ...judgeStart(newest, promises.fullStarts)] : []),
      ...judgeAge('segment of the write-ahead log', nowMs, walArchivedAtMs, minutes(promises.walWithinMinutes)),
    ];
  },

  samples: {
    good: [facts({}), facts({ backups: [sampleBackup({ error: true }), sampleBackup()] })],
    bad: [
      facts({ repositories: [sampleRepository({ code: 2, message: 'no valid backups' })], backups: [] }),
      facts({
        repositories: [sampleRepository(), sampleRepository({ key: 2, code: 1, message: 'missing stanza path' })],
      }),
      facts({ backups: [] }),
      facts({ backups: [sampleBackup({ stoppedAtMs: sampleNowMs - 27 * hourMs })] }),
      facts({ backups: [sampleBackup({ stoppedAtMs: sampleNowMs + hourMs })] }),
      facts({ backups: [sampleBackup({ error: true })] }),
      facts({ backups: [sampleBackup({ startedAtMs: sampleNowMs - hourMs })] }),
      facts({ walArchivedAtMs: null }),
      facts({ walArchivedAtMs: sampleNowMs - hourMs }),
    ],
  },

  prepare: rehearseRecords,
  sabotage: withoutBackups,
});

function judgePages({ label, error }: BackupSeen): Finding[] {
  if (!error) return [];
  return [
    {
      message: `the newest full backup, ${label}, holds pages whose checksum is wrong`,
      identity: 'pages',
      fix: 'Find the damaged pages with pg_amcheck and pg_checksums, restore them from an older backup, and look after the disk.',
    },
  ];
}

/** At an hour when it disturbs nobody. */
function judgeStart({ label, startedAtMs }: BackupSeen, { from, until, timeZone }: Promises['fullStarts']): Finding[] {
  const clock = { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const began = new Intl.DateTimeFormat('en-GB', clock).format(startedAtMs);
  if (from <= began && began <= until) return [];
  const message = `the newest full backup, ${label}, began at ${began}, and ${from} to ${until} (${timeZone}) is its time`;
  return [{ message, identity: 'start', fix: 'Schedule the full backup off the peak, as deploy/cron does.' }];
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ nowMs: sampleNowMs, repositories: [sampleRepository()], backups: [sampleBackup()] },
    walArchivedAtMs: sampleNowMs - minutes(1),
    promises: {
      ...{ fullWithinHours: 26, walWithinMinutes: 15 },
      fullStarts: { from: '02:00', until: '02:59', timeZone: 'UTC' },
    },
    ...change,
  };
}
