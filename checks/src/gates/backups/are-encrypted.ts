import { statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { readRaw } from '../../io/pgbackrest.ts';
import {
  judgeRepositories,
  observeRecords,
  type RecordFacts,
  sampleBackup,
  sampleNowMs,
  sampleRepository,
  stanzaOf,
} from './support/records.ts';
import { backUpIntoCopy, rehearseRecords, withoutBackups } from './support/sandbox-repository.ts';

interface Facts extends Pick<RecordFacts, 'nowMs' | 'repositories'> {
  /** Files of the repositories as they lie there: whether each begins as an encrypted one does. */
  files: { repository: number; path: string; isEncrypted: boolean }[];
  /** Whether anybody on the machine may read the file that holds the passphrases. */
  configIsOpen: boolean;
}

/** What OpenSSL begins every encrypted file with; pgBackRest does so too. */
const mark = 'Salted__';

export default defineGate<Facts>({
  id: 'backups/are-encrypted',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:backups', 'pgbackrest'],
  covers: ['backups.encrypted'],
  unit: 'files of the repositories',
  why: 'A backup is the whole database without its locks: whoever finds the disk or the bucket has every account.',
  fix: 'A repository cannot be encrypted afterwards: give a new one repoN-cipher-type=aes-256-cbc and a repoN-cipher-pass of `openssl rand -base64 48`, in a file that only its user reads, and take a full backup.',
  source: 'https://pgbackrest.org/user-guide.html#quickstart/configure-encryption',

  async observe(context) {
    const { nowMs, repositories, backups } = await observeRecords(context);
    const at = stanzaOf(context);
    const files: Facts['files'] = [];
    for (const { key } of repositories.filter(({ code }) => code === 0)) {
      const newest = backups.filter(({ repository }) => repository === key).at(-1);
      const paths = ['archive.info', 'backup.info'].map((name) => `${name.split('.')[0]}/${at.stanza}/${name}`);
      if (newest) paths.push(`backup/${at.stanza}/${newest.label}/backup.manifest`);
      for (const path of paths) {
        const isEncrypted = (await readRaw(context, at, key, path)).startsWith(mark);
        files.push({ repository: key, path, isEncrypted });
      }
    }
    const configIsOpen = (statSync(at.configFile).mode & othersMayRead) !== 0;
    return { examined: files.length + repositories.length, facts: { nowMs, repositories, files, configIsOpen } };
  },

  judge: (facts) => {
    const { repositories, files, configIsOpen } = facts;
    const open: Finding = {
      message: 'anybody on the machine may read the passphrases: the configuration is open to others',
      identity: 'configuration',
      fix: 'chmod 640 on pgbackrest.conf, of the user and group that run pgBackRest.',
    };
    return [
      ...judgeRepositories(facts),
      ...repositories
        .filter(({ cipher }) => cipher === 'none')
        .map(({ key }) => ({ message: `repository ${key} is not encrypted`, identity: `cipher ${key}` })),
      ...files
        .filter(({ isEncrypted }) => !isEncrypted)
        .map(({ repository, path }) => ({
          message: `repository ${repository}: ${path} lies there in plain text`,
          identity: `plain ${repository}`,
        })),
      ...(configIsOpen ? [open] : []),
    ];
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ repositories: [sampleRepository({ code: 1, message: 'missing stanza path' })] }),
      facts({ repositories: [sampleRepository(), sampleRepository({ key: 2, cipher: 'none' })] }),
      facts({ files: [{ repository: 1, path: 'backup/main/backup.info', isEncrypted: false }] }),
      facts({ configIsOpen: true }),
    ],
  },

  prepare: rehearseRecords,

  /** The first repository is made again, without a cipher. */
  async sabotage(sandbox) {
    const { configFile } = partOf(sandbox.config, 'backups');
    const text = await readFile(configFile, 'utf8');
    await writeFile(configFile, text.replace(/^repo1-cipher-.*$\n/gm, ''));
    await withoutBackups(sandbox);
    await backUpIntoCopy(sandbox);
    return undefined;
  },
});

const othersMayRead = 0o004;

function facts(change: Partial<Facts>): Facts {
  const path = `backup/main/${sampleBackup().label}/backup.manifest`;
  return {
    ...{ nowMs: sampleNowMs, repositories: [sampleRepository()], configIsOpen: false },
    files: [{ repository: 1, path, isEncrypted: true }],
    ...change,
  };
}
