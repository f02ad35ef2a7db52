import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import {
  hourMs,
  judgeAge,
  judgeRepositories,
  observeRecords,
  primaryOf,
  type RecordFacts,
  sampleBackup,
  sampleNowMs,
  sampleRepository,
} from './support/records.ts';
import { rehearseRecords, withoutBackups } from './support/sandbox-repository.ts';

interface Facts extends RecordFacts {
  withinHours: number;
}

export default defineGate<Facts>({
  id: 'backups/incremental-is-fresh',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:backups', 'pgbackrest'],
  covers: ['backups.incremental'],
  unit: 'repositories and backups',
  why: 'A restore replays the log from the newest backup on: the older that is, the longer everybody waits.',
  fix: 'Run `pgbackrest --type=incr backup` now, then see why its schedule did not.',
  source: 'https://pgbackrest.org/user-guide.html#quickstart/perform-backup',

  async observe(context) {
    const seen = await observeRecords(context);
    const primary = primaryOf(seen.repositories);
    const backups = seen.backups.filter(({ repository }) => repository === primary).slice(-backupsShown);
    const withinHours = partOf(context.config, 'backups').promises.incrementalWithinHours;
    const examined = seen.repositories.length + seen.backups.length;
    return { examined, facts: { ...seen, backups, withinHours } };
  },

  judge: (facts) => {
    const newestMs = facts.backups.at(-1)?.stoppedAtMs ?? null;
    const age = judgeAge('backup, of any type,', facts.nowMs, newestMs, facts.withinHours * hourMs);
    return [...judgeRepositories(facts), ...age];
  },

  samples: {
    good: [facts({}), facts({ backups: [sampleBackup({ type: 'diff', stoppedAtMs: sampleNowMs - hourMs })] })],
    bad: [
      facts({ repositories: [sampleRepository({ code: 3, message: 'missing stanza data' })] }),
      facts({ backups: [] }),
      facts({ backups: [sampleBackup()] }),
      facts({ backups: [sampleBackup({ type: 'incr', stoppedAtMs: sampleNowMs + hourMs })] }),
    ],
  },

  prepare: rehearseRecords,
  sabotage: withoutBackups,
});

/** A day's worth, and the full one before. */
const backupsShown = 30;

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ nowMs: sampleNowMs, repositories: [sampleRepository()], withinHours: 1.5 },
    backups: [sampleBackup({ type: 'incr', stoppedAtMs: sampleNowMs - 1.4 * hourMs })],
    ...change,
  };
}
