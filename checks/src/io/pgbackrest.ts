import { z } from 'zod';
import type { Context } from '../engine/context.ts';
import { type ExecResult, lastLines } from './exec.ts';

/** What runs pgBackRest in a gate. */
export type Runner = Pick<Context, 'exec' | 'tools' | 'tree'>;

/** A stanza, and the file that says where its repositories are and how they are read. */
export interface StanzaAt {
  stanza: string;
  /** Absolute, or from the tree's root. */
  configFile: string;
}

/** One repository of the stanza, as pgBackRest numbers them. */
export interface RepositorySeen {
  key: number;
  /** `none`, or the cipher. */
  cipher: string;
  /** 0: all is there. 1 to 6: the stanza, its data or its backups are missing or differ. 99: it could not be read. */
  code: number;
  message: string;
}

export interface BackupSeen {
  label: string;
  type: 'full' | 'diff' | 'incr';
  repository: number;
  /** Milliseconds since 1970. */
  startedAtMs: number;
  stoppedAtMs: number;
  /** Pages whose checksum was wrong when they were copied. */
  error: boolean;
  /** The write-ahead log that it cannot be restored without, from this segment to that one. */
  walStart: string;
  walStop: string;
  /** Of the cluster, and of what the repository holds for it, those that it refers to included. */
  sizeBytes: number;
  storedBytes: number;
  systemId: string;
}

/** The repositories' own records. */
export interface Records {
  repositories: RepositorySeen[];
  backups: BackupSeen[];
}

/** A segment of the write-ahead log in a repository. */
export interface SegmentSeen {
  repository: number;
  /** Which cluster's: `15-1`. */
  archive: string;
  name: string;
  archivedAtMs: number;
}

const status = z.object({ code: z.int(), message: z.string() });
const infoSchema = z.array(
  z.object({
    repo: z.array(z.object({ key: z.int(), cipher: z.string(), status })).default([]),
    db: z.array(z.object({ id: z.int(), 'repo-key': z.int(), 'system-id': z.number() })).default([]),
    backup: z
      .array(
        z.object({
          label: z.string(),
          type: z.enum(['full', 'diff', 'incr']),
          error: z.boolean().nullish(),
          database: z.object({ id: z.int(), 'repo-key': z.int() }),
          timestamp: z.object({ start: z.int(), stop: z.int() }),
          archive: z.object({ start: z.string().nullable(), stop: z.string().nullable() }),
          info: z.object({ size: z.number(), repository: z.object({ size: z.number().nullish() }) }),
        }),
      )
      .default([]),
  }),
);

const quickMs = 60_000;

/**
 * `info`: what the repositories say of themselves.
 * @throws when pgBackRest ends with a failure or says something else than records: then nobody has looked.
 */
export async function readRecords(run: Runner, at: StanzaAt): Promise<Records> {
  const { stdout } = await succeed(run, at, ['--output=json', 'info']);
  return parseRecords(stdout);
}

/** @throws when the text is no record of exactly one stanza. */
export function parseRecords(text: string): Records {
  // A wrong passphrase decrypts to anything, and pgBackRest prints it as it is.
  const printable = text.replaceAll(/\p{Cc}/gu, ' ');
  // A system identifier has 64 bits: as a JSON number it would be rounded.
  const [stanza, ...others] = infoSchema.parse(JSON.parse(printable));
  if (!stanza || others.length > 0) throw new Error('pgbackrest info told of no stanza, or of several');
  const systemIds = systemIdsOf(text);
  return {
    repositories: stanza.repo.map(({ key, cipher, status: { code, message } }) => ({ key, cipher, code, message })),
    backups: stanza.backup.map((backup) => ({
      ...{ label: backup.label, type: backup.type, repository: backup.database['repo-key'] },
      startedAtMs: backup.timestamp.start * 1000,
      stoppedAtMs: backup.timestamp.stop * 1000,
      error: backup.error ?? false,
      walStart: backup.archive.start ?? '',
      walStop: backup.archive.stop ?? '',
      sizeBytes: backup.info.size,
      storedBytes: backup.info.repository.size ?? 0,
      systemId: systemIds.get(`${backup.database['repo-key']} ${backup.database.id}`) ?? '',
    })),
  };
}

/** By repository and the number of the cluster in it, digit by digit. */
function systemIdsOf(text: string): Map<string, string> {
  const entries = text.matchAll(/"id":(\d+),"repo-key":(\d+),"system-id":(\d+)/g);
  return new Map([...entries].map(([, id, key, system = '']) => [`${key} ${id}`, system]));
}

const listing = z.record(z.string(), z.object({ type: z.string(), time: z.int().optional() }));

/** Every segment of the archive of one repository. Partial segments, labels and histories are none. */
export async function listSegments(run: Runner, at: StanzaAt, repository: number): Promise<SegmentSeen[]> {
  const path = `archive/${at.stanza}`;
  const { stdout } = await succeed(run, at, [
    `--repo=${repository}`,
    ...['--output=json', '--recurse', 'repo-ls', path],
  ]);
  return Object.entries(listing.parse(JSON.parse(stdout))).flatMap(([file, { time = 0 }]) => {
    const [, archive = '', name = ''] = /^([^/]+)\/[0-9A-F]{16}\/([0-9A-F]{24})-[0-9a-f]{40}/.exec(file) ?? [];
    return name === '' ? [] : [{ repository, archive, name, archivedAtMs: time * 1000 }];
  });
}

/** The first bytes of a file of the repository, as they lie there: what a thief would have. */
export async function readRaw(run: Runner, at: StanzaAt, repository: number, path: string): Promise<string> {
  const { stdout } = await succeed(run, at, [`--repo=${repository}`, '--raw', 'repo-get', path]);
  return stdout.slice(0, rawCharacters);
}

const rawCharacters = 64;

/** Whether a file of the repository is there and can be read with the key that the configuration gives. */
export async function canBeRead(run: Runner, at: StanzaAt, repository: number, path: string): Promise<boolean> {
  const { code, timedOut } = await pgbackrest(run, at, [`--repo=${repository}`, 'repo-get', path], quickMs);
  return code === 0 && !timedOut;
}

/** What `verify` counts of one archive or of one backup. */
export interface Verified {
  name: string;
  checked: number;
  /** Why it is not whole; null: each of its files is there, of its size and with its checksum. */
  fault: string | null;
}

export interface Verification {
  archives: Verified[];
  backups: Verified[];
  /** What it says of the repository as a whole: files that it could not use. */
  faults: string[];
}

/** A repository of terabytes is read whole. */
const verifyMs = 6 * 3_600_000;

/**
 * `verify` of one repository. Its exit code is 0 whatever it finds, and with nothing found it prints nothing unless it is told
 * to be verbose: only its words count. https://github.com/pgbackrest/pgbackrest/issues/2502
 * @throws when it says nothing that could be read as a result.
 */
export async function verifyRepository(run: Runner, at: StanzaAt, repository: number): Promise<Verification> {
  const args = [`--repo=${repository}`, '--output=text', '--verbose', '--log-level-console=off', 'verify'];
  return parseVerification((await succeed(run, at, args, verifyMs)).stdout);
}

export function parseVerification(text: string): Verification {
  const lines = text.split('\n').map((line) => line.trim());
  if (!lines.some((line) => /^status: (ok|error)$/.test(line))) {
    throw new Error(`pgbackrest verify did not say what it found: ${text.slice(0, 200) || 'nothing'}`);
  }
  const seen: Verification = { archives: [], backups: [], faults: [] };
  for (const [index, line] of lines.entries()) {
    const counts = lines[index + 1] ?? '';
    const archive = /^archiveId: ([^,]+), total WAL checked: (\d+), total valid WAL: (\d+)/.exec(line);
    const backup = /^backup: ([^,]+), status: ([^,]+), total files checked: (\d+), total valid files: (\d+)/.exec(line);
    if (archive) seen.archives.push(verified(archive[1], archive[2], archive[3], 'valid', counts));
    else if (backup) seen.backups.push(verified(backup[1], backup[3], backup[4], backup[2] ?? '', counts));
    else if (/^No usable /.test(line)) seen.faults.push(line);
  }
  return seen;
}

function verified(name = '', checked = '', valid = '', said: string, counts: string): Verified {
  const isWhole = said === 'valid' && checked === valid && Number(checked) > 0;
  const fault = said === 'valid' ? counts : [said, counts].filter((part) => /\w/.test(part)).join(': ');
  return { name, checked: Number(checked), fault: isWhole ? null : fault || `${valid} of ${checked} are valid` };
}

/** @throws with the last lines of what it said when it failed. */
async function succeed(run: Runner, at: StanzaAt, args: readonly string[], timeoutMs = quickMs): Promise<ExecResult> {
  const result = await pgbackrest(run, at, args, timeoutMs);
  if (result.timedOut) throw new Error(`pgbackrest ${args.at(-1)} did not end within ${timeoutMs / 1000} s`);
  if (result.code !== 0) {
    throw new Error(`pgbackrest ${args.join(' ')} ended with exit code ${result.code}: ${lastLines(result)}`);
  }
  return result;
}

function pgbackrest({ exec, tools, tree }: Runner, at: StanzaAt, args: readonly string[], timeoutMs: number) {
  const config = [`--config=${at.configFile}`, `--stanza=${at.stanza}`, '--log-level-file=off'];
  return exec(tools.path('pgbackrest'), [...config, ...args], { cwd: tree.root, timeoutMs });
}
