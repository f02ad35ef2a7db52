import { readFile, writeFile } from 'node:fs/promises';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { isElsewhere, type Place, parseSettings, placesOf } from '../../io/pgbackrest-settings.ts';
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
  stanzaOf,
} from './support/records.ts';
import { rehearseRecords } from './support/sandbox-repository.ts';

interface Location extends Place {
  elsewhere: boolean;
  newestFullMs: number | null;
  newestSegmentMs: number | null;
}

interface Facts extends Pick<RecordFacts, 'nowMs' | 'repositories'> {
  /** All but the first repository. */
  others: Location[];
  mayBeLocal: boolean;
  fullWithinHours: number;
  walWithinMinutes: number;
}

export default defineGate<Facts>({
  id: 'backups/second-location-holds',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:backups', 'pgbackrest'],
  covers: ['backups.location.second'],
  unit: 'repositories and backups',
  why: 'Fire, theft and a wrong `rm` take the backups together with the database when they lie beside it.',
  fix: 'Configure repo2-type=s3 (or azure, gcs, sftp, or repo2-host) as in deploy/pgbackrest, then `pgbackrest stanza-create` and `pgbackrest --repo=2 --type=full backup`.',
  source: 'https://pgbackrest.org/user-guide.html#s3-support',

  async observe(context) {
    const { nowMs, repositories, backups } = await observeRecords(context);
    const at = stanzaOf(context);
    const places = placesOf(parseSettings(await readFile(at.configFile, 'utf8'), at.stanza));
    const others: Location[] = [];
    for (const { key, code } of repositories.filter((each) => each.key !== primaryOf(repositories))) {
      const place = places.find((each) => each.key === key) ?? { key, type: 'posix', host: null, hasRetention: false };
      const full = backups.filter(({ repository, type }) => repository === key && type === 'full').at(-1);
      const segment = code === 0 ? (await segmentsOf(context, key)).at(-1) : undefined;
      others.push({
        ...{ ...place, elsewhere: isElsewhere(place) },
        ...{ newestFullMs: full?.stoppedAtMs ?? null, newestSegmentMs: segment?.archivedAtMs ?? null },
      });
    }
    const {
      secondMayBeLocal: mayBeLocal,
      secondWithinHours,
      walWithinMinutes,
    } = partOf(context.config, 'backups').promises;
    const promised = { mayBeLocal, fullWithinHours: secondWithinHours, walWithinMinutes };
    return { examined: repositories.length + backups.length, facts: { nowMs, repositories, others, ...promised } };
  },

  judge(facts) {
    const { nowMs, others, mayBeLocal, fullWithinHours, walWithinMinutes } = facts;
    const second = others.filter(({ elsewhere }) => elsewhere || mayBeLocal);
    const alone: Finding = {
      message:
        others.length === 0
          ? 'there is one repository only'
          : 'the other repositories lie on the machine of the first one: they go with it',
      identity: 'alone',
    };
    return [
      ...judgeRepositories(facts),
      ...(second.length === 0 ? [alone] : []),
      ...second.flatMap(({ key, newestFullMs, newestSegmentMs }) => [
        ...judgeAge(`full backup in repository ${key}`, nowMs, newestFullMs, fullWithinHours * hourMs),
        ...judgeAge(`segment in repository ${key}`, nowMs, newestSegmentMs, minutes(walWithinMinutes)),
      ]),
    ];
  },

  samples: {
    good: [facts({}), facts({ others: [location({ elsewhere: false }), location({ key: 3 })] })],
    bad: [
      facts({ repositories: [sampleRepository({ key: 2, code: 2, message: 'no valid backups' })] }),
      facts({ others: [] }),
      facts({ others: [location({ type: 'posix', elsewhere: false })] }),
      facts({ others: [location({ newestFullMs: null })] }),
      facts({ others: [location({ newestFullMs: sampleNowMs - 200 * hourMs })] }),
      facts({ others: [location({ newestSegmentMs: null })] }),
      facts({ others: [location({ newestSegmentMs: sampleNowMs - hourMs })] }),
    ],
  },

  prepare: rehearseRecords,

  /** The second repository is struck out of the configuration. */
  async sabotage(sandbox) {
    const { configFile } = partOf(sandbox.config, 'backups');
    const text = await readFile(configFile, 'utf8');
    await writeFile(configFile, text.replace(/^repo2-.*$\n/gm, ''));
    return undefined;
  },
});

function location(change: Partial<Location>): Location {
  return {
    ...{ key: 2, type: 's3', host: null, hasRetention: true, elsewhere: true },
    ...{ newestFullMs: sampleBackup().stoppedAtMs, newestSegmentMs: sampleNowMs - minutes(2) },
    ...change,
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ nowMs: sampleNowMs, repositories: [sampleRepository(), sampleRepository({ key: 2 })] },
    ...{ others: [location({})], mayBeLocal: false, fullWithinHours: 192, walWithinMinutes: 15 },
    ...change,
  };
}
