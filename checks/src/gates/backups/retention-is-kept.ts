import { readFile } from 'node:fs/promises';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { parseSettings, placesOf } from '../../io/pgbackrest-settings.ts';
import {
  dayMs,
  judgeRepositories,
  observeRecords,
  type Promises,
  primaryOf,
  type RecordFacts,
  sampleNowMs,
  sampleRepository,
  stanzaOf,
} from './support/records.ts';
import { rehearseRecords } from './support/sandbox-repository.ts';

/** A full backup without wrong pages: when it began, and in which repository it lies. */
interface Kept {
  repository: number;
  atMs: number;
}

interface Facts extends Pick<RecordFacts, 'nowMs' | 'repositories'> {
  /** The first of the repositories: the others may be the archive. */
  primary: number;
  sinceMs: number;
  fulls: Kept[];
  /** Repositories of which the configuration says how much they keep. */
  limited: number[];
  promises: Pick<Promises, 'daily' | 'weekly' | 'monthly'>;
}

export default defineGate<Facts>({
  id: 'backups/retention-is-kept',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:backups', 'pgbackrest'],
  covers: ['backups.retention', 'backups.archive'],
  unit: 'repositories and backups',
  why: 'A mistake is often found weeks later: by then only the older backups do not have it in them.',
  fix: 'Keep 30 daily full backups in repo1 (repo1-retention-full-type=time, repo1-retention-full=30), 12 weekly ones in repo2 and 12 monthly ones in repo3, beside the newest of each, as deploy/pgbackrest does.',
  source: 'https://pgbackrest.org/user-guide.html#retention',

  async observe(context) {
    const { nowMs, repositories, backups } = await observeRecords(context);
    const at = stanzaOf(context);
    const { since, promises } = partOf(context.config, 'backups');
    const places = placesOf(parseSettings(await readFile(at.configFile, 'utf8'), at.stanza));
    const fulls = backups
      .filter(({ type, error }) => type === 'full' && !error)
      .map(({ repository, startedAtMs }) => ({ repository, atMs: startedAtMs }));
    const limited = places.filter(({ hasRetention }) => hasRetention).map(({ key }) => key);
    const facts = { nowMs, repositories, primary: primaryOf(repositories), fulls, limited, promises };
    return { examined: repositories.length + backups.length, facts: { ...facts, sinceMs: Date.parse(since) } };
  },

  judge: (facts) => [
    ...judgeRepositories(facts),
    ...judgeDays(facts),
    ...judgeWeeks(facts),
    ...judgeMonths(facts),
    ...judgeEnd(facts),
  ],

  samples: {
    good: [
      facts({}),
      // The schedule began three days ago.
      facts({
        sinceMs: sampleNowMs - 3 * dayMs,
        fulls: sampleFulls().filter(({ atMs }) => atMs > sampleNowMs - 3 * dayMs),
      }),
    ],
    bad: [
      facts({ repositories: [sampleRepository({ code: 2, message: 'no valid backups' })] }),
      facts({ fulls: [] }),
      facts({ fulls: sampleFulls().filter(({ atMs }) => Math.abs(sampleNowMs - 20.4 * dayMs - atMs) > dayMs / 2) }),
      facts({ fulls: sampleFulls().filter(({ repository }) => repository !== 2) }),
      facts({ fulls: sampleFulls().filter(({ repository }) => repository !== 3) }),
      // The monthly ones are with the daily ones: nothing of it is an archive.
      facts({ fulls: sampleFulls().map((each) => ({ ...each, repository: 1 })) }),
      facts({ fulls: [...sampleFulls(), { repository: 3, atMs: sampleNowMs - 500 * dayMs }] }),
      facts({ limited: [1] }),
    ],
  },

  prepare: rehearseRecords,

  /** The schedule is said to have begun half a year ago: nothing of that time is there. */
  async sabotage({ config }) {
    partOf(config, 'backups').since = new Date(Date.now() - 180 * dayMs).toISOString().slice(0, 10);
    return undefined;
  },
});

const named = 3;

/** Days that are over, each by its date (UTC); those of the first repository count. */
function judgeDays({ nowMs, sinceMs, fulls, primary, promises }: Facts): Finding[] {
  const own = fulls.filter(({ repository }) => repository === primary).map(({ atMs }) => dayOf(atMs));
  const days = Array.from({ length: promises.daily }, (_, index) => nowMs - (index + 1) * dayMs);
  return told('day', days.filter((atMs) => atMs - dayMs >= sinceMs).map(dayOf), new Set(own));
}

/** Weeks that are over, each by its Monday; in whichever repository. */
function judgeWeeks({ nowMs, sinceMs, fulls, promises }: Facts): Finding[] {
  const weeks = Array.from({ length: promises.weekly }, (_, index) => nowMs - (index + 1) * weekMs);
  const asked = weeks.filter((atMs) => atMs - weekMs >= sinceMs).map(weekOf);
  return told('week', asked, new Set(fulls.map(({ atMs }) => weekOf(atMs))));
}

/** Months that are over, in a repository that is not the first: cold storage. */
function judgeMonths({ nowMs, sinceMs, fulls, primary, promises }: Facts): Finding[] {
  const archived = fulls.filter(({ repository }) => repository !== primary).map(({ atMs }) => monthOf(atMs));
  const now = new Date(nowMs);
  const firsts = Array.from({ length: promises.monthly }, (_, index) =>
    Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1 - index, 1),
  );
  return told('month', firsts.filter((firstMs) => firstMs >= sinceMs).map(monthOf), new Set(archived));
}

function told(name: string, asked: readonly string[], held: ReadonlySet<string>): Finding[] {
  const empty = asked.filter((each) => !held.has(each));
  if (empty.length === 0) return [];
  const which = empty.slice(0, named).join(', ') + (empty.length > named ? ' and more' : '');
  return [{ message: `${empty.length} of ${asked.length} ${name}s have no full backup: ${which}`, identity: name }];
}

/** That it ends: what has to be forgotten is forgotten, and the disk does not fill. */
function judgeEnd({ nowMs, fulls, repositories, limited, promises }: Facts): Finding[] {
  const longestMs = Math.max(promises.daily, promises.weekly * 7, promises.monthly * longestMonth) * dayMs + endlessMs;
  const old = fulls.filter(({ atMs }) => nowMs - atMs > longestMs);
  const fix = 'Set repoN-retention-full of each repository, so that `pgbackrest expire` removes what is older.';
  return [
    ...old.map(({ repository, atMs }) => ({
      message: `repository ${repository} still holds the full backup of ${new Date(atMs).toISOString()}`,
      ...{ identity: `old ${repository} ${atMs}`, fix },
    })),
    ...repositories
      .filter(({ key }) => !limited.includes(key))
      .map(({ key }) => ({
        message: `repository ${key} has no retention: nothing expires`,
        identity: `end ${key}`,
        fix,
      })),
  ];
}

const longestMonth = 31;
/** Until the expiry after the next backup. */
const endlessMs = 31 * dayMs;

const weekMs = 7 * dayMs;
/** 1970-01-01 was a Thursday. */
const firstMondayMs = 4 * dayMs;

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

function weekOf(atMs: number): string {
  return dayOf(atMs - ((((atMs - firstMondayMs) % weekMs) + weekMs) % weekMs));
}

function monthOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 7);
}

/** Every night in the first repository, every Sunday in the second, the first of every month in the third. */
function sampleFulls(): Kept[] {
  const nightly = Array.from({ length: 31 }, (_, index) => ({
    repository: 1,
    atMs: sampleNowMs - (index + 0.4) * dayMs,
  }));
  const weekly = Array.from({ length: 12 }, (_, index) => ({
    ...{ repository: 2, atMs: sampleNowMs - (index * 7 + 1.4) * dayMs },
  }));
  const monthly = Array.from({ length: 12 }, (_, index) => ({ repository: 3, atMs: Date.UTC(2026, 5 - index, 1) }));
  return [...nightly, ...weekly, ...monthly, { repository: 3, atMs: Date.UTC(2025, 5, 1) }];
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ nowMs: sampleNowMs, repositories: [1, 2, 3].map((key) => sampleRepository({ key })), limited: [1, 2, 3] },
    ...{ primary: 1, sinceMs: Date.parse('2025-01-01'), fulls: sampleFulls() },
    promises: { daily: 30, weekly: 12, monthly: 12 },
    ...change,
  };
}
