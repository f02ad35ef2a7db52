import { isAbsolute, join } from 'node:path';
import { type Config, partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import type { Finding } from '../../../engine/gate.ts';
import {
  type BackupSeen,
  canBeRead,
  listSegments,
  type RepositorySeen,
  type Runner,
  readRecords,
  type SegmentSeen,
  type StanzaAt,
} from '../../../io/pgbackrest.ts';

export type Promises = NonNullable<Config['backups']>['promises'];

/** What the gates on the repositories' own records begin with. */
export interface RecordFacts {
  nowMs: number;
  repositories: RepositorySeen[];
  /** Newest last. */
  backups: BackupSeen[];
}

/** A schedule of half a year, every hour, is longer: what is older than this many backups is not shown. */
const backupsShown = 5_000;

export function stanzaOf({ config, tree }: Pick<Context, 'config' | 'tree'>): StanzaAt {
  const { stanza, configFile } = partOf(config, 'backups');
  return { stanza, configFile: isAbsolute(configFile) ? configFile : join(tree.root, configFile) };
}

/**
 * What the repositories say of themselves. One that is damaged is told as such.
 * @throws when one cannot be reached, or not be read with the key that is configured: then nobody has looked.
 */
export async function observeRecords(context: Context): Promise<RecordFacts> {
  const at = stanzaOf(context);
  const { repositories, backups } = await readRecords(context, at);
  if (repositories.length === 0) throw new Error(`${at.configFile} names no repository of the stanza ${at.stanza}`);
  for (const repository of repositories) await throwIfUnreadable(context, at, repository);
  const sorted = backups.toSorted((one, other) => one.stoppedAtMs - other.stoppedAtMs);
  return { nowMs: Date.now(), repositories, backups: sorted.slice(-backupsShown) };
}

const unreadable = 99;

/**
 * Code 99 is damage and blindness alike. A missing file is damage. What does not decrypt or parse is damage only if another
 * file of the same repository does: else the key is wrong.
 */
async function throwIfUnreadable(run: Runner, at: StanzaAt, { key, code, message }: RepositorySeen): Promise<void> {
  if (code !== unreadable || message.includes('[FileMissingError]')) return;
  if (/\[(Crypto|Format|Checksum)Error\]/.test(message)) {
    const files = [`archive/${at.stanza}/archive.info`, `backup/${at.stanza}/backup.info`];
    const read = await Promise.all(files.map((file) => canBeRead(run, at, key, file)));
    if (read.some(Boolean)) return;
  }
  throw new Error(`repository ${key} cannot be read: ${firstLine(message)}`);
}

/** The first of the repositories, where every backup goes: the others are second locations. */
export function primaryOf(repositories: readonly RepositorySeen[]): number {
  return Math.min(...repositories.map(({ key }) => key));
}

/** Segments of one repository, oldest first; none where its archive is not there. */
export async function segmentsOf(context: Context, repository: number): Promise<SegmentSeen[]> {
  const segments = await listSegments(context, stanzaOf(context), repository);
  return segments.toSorted((one, other) => one.archivedAtMs - other.archivedAtMs || (one.name < other.name ? -1 : 1));
}

/** What is wrong with a repository as a whole: it is there, and has no backup, or is damaged. */
export function judgeRepositories({ repositories }: Pick<RecordFacts, 'repositories'>): Finding[] {
  return repositories
    .filter(({ code }) => code !== 0)
    .map(({ key, message }) => ({
      message: `repository ${key}: ${firstLine(message)}`,
      identity: `repository ${key}`,
      fix: 'Make the stanza (`pgbackrest stanza-create`) and a full backup (`pgbackrest --type=full backup`), and keep what is left of the old repository for whoever mends it.',
    }));
}

const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

/** In words, as long as a reader needs it. */
export function duration(ms: number): string {
  if (ms < 2 * hourMs) return `${Math.round(ms / minuteMs)} min`;
  return ms < 2 * dayMs ? `${(ms / hourMs).toFixed(1)} h` : `${(ms / dayMs).toFixed(1)} days`;
}

/** That the newest of something is too old, or of a time that is still to come. */
export function judgeAge(what: string, nowMs: number, atMs: number | null, withinMs: number): Finding[] {
  if (atMs === null) return [{ message: `there is no ${what}`, identity: what }];
  const ageMs = nowMs - atMs;
  if (ageMs < -clockToleranceMs) {
    return [{ message: `the newest ${what} is of a time ${duration(-ageMs)} from now`, identity: what }];
  }
  if (ageMs <= withinMs) return [];
  const message = `the newest ${what} is ${duration(ageMs)} old, and ${duration(withinMs)} are promised`;
  return [{ message, identity: what }];
}

/** Two machines that are kept in time differ by less. */
const clockToleranceMs = 2 * minuteMs;

export function minutes(count: number): number {
  return count * minuteMs;
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? '';
}

/** Where the samples of the gates begin: a night and its day. */
export const sampleNowMs = Date.parse('2026-06-15T12:00:00Z');

export function sampleRepository(change: Partial<RepositorySeen> = {}): RepositorySeen {
  return { key: 1, cipher: 'aes-256-cbc', code: 0, message: 'ok', ...change };
}

/** A full backup of the night before {@link sampleNowMs}, at two. */
export function sampleBackup(change: Partial<BackupSeen> = {}): BackupSeen {
  return {
    ...{ label: '20260615-020000F', type: 'full', repository: 1, error: false, systemId: '7710240318639133290' },
    ...{ startedAtMs: sampleNowMs - 10 * hourMs, stoppedAtMs: sampleNowMs - 10 * hourMs + minutes(12) },
    ...{ walStart: '000000010000000000000003', walStop: '000000010000000000000004' },
    ...{ sizeBytes: 40_000_000, storedBytes: 10_000_000 },
    ...change,
  };
}
