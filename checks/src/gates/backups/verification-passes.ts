import { rmSync } from 'node:fs';
import { partOf } from '../../config.ts';
import type { Chart } from '../../engine/chart.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type BackupSeen, type Verification, verifyRepository } from '../../io/pgbackrest.ts';
import { type Hole, holesIn, judgeHoles } from './support/holes.ts';
import {
  judgeRepositories,
  observeRecords,
  primaryOf,
  type RecordFacts,
  sampleBackup,
  sampleNowMs,
  sampleRepository,
  segmentsOf,
  stanzaOf,
} from './support/records.ts';
import { filesOf, rehearseRecords } from './support/sandbox-repository.ts';
import { judgeSizes, type SizeSeen, sizeCharts, sizesOf } from './support/sizes.ts';

interface Facts extends Pick<RecordFacts, 'nowMs' | 'repositories'> {
  /** As the records list them. */
  recorded: Pick<BackupSeen, 'label' | 'repository' | 'systemId' | 'error'>[];
  verified: (Verification & { repository: number })[];
  holes: Hole[];
  sizes: SizeSeen[];
  charts: Chart[];
  /** Of the production cluster. */
  systemId: string;
}

export default defineGate<Facts>({
  id: 'backups/verification-passes',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:backups', 'pgbackrest'],
  covers: ['backups.verified', 'backups.checksums'],
  unit: 'files of the repositories',
  why: 'A backup rots unseen: a bit that flipped, a file that a lifecycle rule took, a segment that was never kept are found by the restore that fails.',
  fix: 'Take a full backup now, keep what is damaged aside, and look after the storage that damaged it.',
  source: 'https://pgbackrest.org/command.html#command-verify',
  timeoutMs: 6 * 3_600_000,

  async observe(context) {
    const { nowMs, repositories, backups } = await observeRecords(context);
    const verified: Facts['verified'] = [];
    const holes: Hole[] = [];
    for (const { key, code } of repositories) {
      context.progress(`verifying repository ${key}`);
      verified.push({ repository: key, ...(await verifyRepository(context, stanzaOf(context), key)) });
      const own = backups.filter(({ repository }) => repository === key);
      if (code === 0) holes.push(...holesIn(own, await segmentsOf(context, key)));
    }
    const checked = verified.flatMap(({ archives, backups: each }) => [...archives, ...each]);
    const recorded = backups.map(({ label, repository, systemId, error }) => ({ label, repository, systemId, error }));
    const { systemId } = partOf(context.config, 'backups');
    const sizes = sizesOf(backups, primaryOf(repositories));
    return {
      examined: checked.reduce((sum, each) => sum + each.checked, repositories.length),
      facts: { nowMs, repositories, recorded, verified, holes, systemId, sizes, charts: sizeCharts(sizes) },
    };
  },

  judge: (facts) => [
    ...judgeRepositories(facts),
    ...facts.verified.flatMap((each) => judgeVerification(each, facts.recorded)),
    ...judgeRecords(facts),
    ...judgeHoles(facts.holes),
    ...judgeSizes(facts.sizes),
  ],

  samples: {
    good: [facts({}), facts({ sizes: [size(40), size(60)] }), facts({ sizes: [size(0.2), size(0.6)] })],
    bad: [
      facts({ repositories: [sampleRepository({ code: 99, message: '[FileMissingError] no backup.info' })] }),
      facts({ recorded: [], verified: [{ ...whole(), backups: [] }] }),
      facts({ verified: [{ ...whole(), faults: ['No usable backup.info file'] }] }),
      facts({ verified: [{ ...whole(), archives: [{ name: '15-1', checked: 7, fault: 'missing: 0, other: 1' }] }] }),
      facts({ verified: [{ ...whole(), archives: [] }] }),
      facts({ verified: [{ ...whole(), backups: [{ name: sampleBackup().label, checked: 9, fault: 'missing: 1' }] }] }),
      facts({ verified: [{ ...whole(), backups: [] }] }),
      facts({ recorded: [] }),
      facts({ recorded: [{ ...sampleBackup(), systemId: '7' }] }),
      facts({ recorded: [{ ...sampleBackup(), error: true }] }),
      facts({ sizes: [size(40), size(19)] }),
      facts({ sizes: [size(40), size(81)] }),
      facts({ holes: [{ without: 'the backup 1F', repository: 1, missing: ['000000010000000000000005'] }] }),
    ],
  },

  prepare: rehearseRecords,

  /** A file of the full backup is gone. */
  async sabotage(sandbox) {
    const file = filesOf(sandbox, /^backup\/[^/]+\/[^/]+F\/bundle\/1$/)[0];
    if (file === undefined) throw new Error('the rehearsed backup has no bundle of files');
    rmSync(file);
    return undefined;
  },
});

/** What no record lists is a backup that is being taken, or was broken off: it is nobody's to restore. */
function judgeVerification(
  { repository, archives, backups, faults }: Facts['verified'][number],
  recorded: Facts['recorded'],
): Finding[] {
  const hasLog = archives.some(({ checked }) => checked > 0);
  const listed = backups.filter(({ name }) =>
    recorded.some((each) => each.label === name && each.repository === repository),
  );
  return [
    ...faults.map((fault) => ({ message: `repository ${repository}: ${fault}`, identity: `${repository} ${fault}` })),
    ...(hasLog || faults.length > 0
      ? []
      : [{ message: `repository ${repository} has no write-ahead log at all`, identity: `log ${repository}` }]),
    ...[...archives, ...listed].flatMap(({ name, fault }) =>
      fault === null
        ? []
        : [{ message: `repository ${repository}: ${name}: ${fault}`, identity: `${repository} ${name}` }],
    ),
  ];
}

/** The records beside what is there, because `verify` compares only what it finds. */
function judgeRecords({ recorded, verified, systemId }: Facts): Finding[] {
  const there = verified.flatMap(({ repository, backups }) =>
    backups.map(({ name, fault }) => ({
      key: `${repository} ${name}`,
      message: `repository ${repository}: ${name}`,
      fault,
    })),
  );
  const keys = new Set(there.map(({ key }) => key));
  const listed = new Set(recorded.map(({ repository, label }) => `${repository} ${label}`));
  return [
    ...(recorded.length === 0 ? [{ message: 'no repository has a backup', identity: 'none' }] : []),
    ...recorded
      .filter(({ repository, label }) => !keys.has(`${repository} ${label}`))
      .map(({ repository, label }) => ({
        message: `repository ${repository} lists the backup ${label}, which is not there`,
        identity: `gone ${repository} ${label}`,
      })),
    ...there
      .filter(({ key, fault }) => fault === null && !listed.has(key))
      .map(({ key, message }) => ({
        message: `${message} is whole, and no record lists it by that name`,
        identity: key,
      })),
    ...recorded
      .filter((each) => each.systemId !== systemId)
      .map(({ label, systemId: other, repository }) => ({
        message: `the backup ${label} is of the cluster ${other}, and production is ${systemId}`,
        identity: `system ${repository} ${label}`,
      })),
    ...recorded
      .filter(({ error }) => error)
      .map(({ label, repository }) => ({
        message: `the backup ${label} holds pages whose checksum is wrong`,
        identity: `pages ${repository} ${label}`,
      })),
  ];
}

function size(megabytes: number): SizeSeen {
  return { label: sampleBackup().label, sizeBytes: megabytes * 1e6 };
}

function whole(): Facts['verified'][number] {
  return {
    ...{ repository: 1, faults: [], archives: [{ name: '15-1', checked: 7, fault: null }] },
    backups: [{ name: sampleBackup().label, checked: 1_265, fault: null }],
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ nowMs: sampleNowMs, repositories: [sampleRepository()], recorded: [sampleBackup()], verified: [whole()] },
    ...{ holes: [], sizes: [], charts: [], systemId: sampleBackup().systemId },
    ...change,
  };
}
