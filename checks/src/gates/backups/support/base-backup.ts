import { randomBytes } from 'node:crypto';
import type { Context } from '../../../engine/context.ts';
import { databaseUrl } from '../../../io/database.ts';
import { type Attempt, startWrites } from '../../../io/writes.ts';
import { type SandboxBackups, startBackups } from '../../../sandbox/backups.ts';
import type { Sandbox } from '../../../sandbox/sandbox.ts';
import { type Entry, startLedger } from './ledger.ts';

/** A moment that a recovery is asked for, in the words of `pgbackrest restore`. */
export interface Moment {
  kind: 'immediate' | 'time' | 'name' | 'xid' | 'lsn';
  target: string;
  /** The newest entry of the ledger that has to be there. One moment may fall into a transaction: then either is right. */
  least: number;
  most: number;
  /** On the clock, between these two: milliseconds since 1970. */
  fromMs: number;
  untilMs: number;
}

/** A backup of the sandbox's cluster that was taken while a ledger and the service wrote, and the log of it and after it. */
export interface BaseBackup {
  backups: SandboxBackups;
  /** The backup's name: pgBackRest finds it for a time by whole seconds, which are too long here. */
  label: string;
  /** The database that the ledger is in. */
  ledger: string;
  moments: readonly Moment[];
  /** Writes of the service while all that went on. */
  attempts: readonly Attempt[];
  backupMs: number;
}

const taken = new WeakMap<Sandbox, Promise<BaseBackup>>();

/** Taken once in a sandbox: what is done with it afterwards is done to restored copies. */
export function baseBackupOf(context: Context): Promise<BaseBackup> {
  const { sandbox } = context;
  const made = taken.get(sandbox) ?? takeBaseBackup(context);
  taken.set(sandbox, made);
  // One that failed, or that a gate's time cut short, is taken again by whoever needs it next.
  made.catch(() => taken.delete(sandbox));
  return made;
}

const writers = 2;
/** Between two moments, so that each has its own answer. */
const entriesBetween = 15;
const restorePoint = 'preflight_before_the_mistake';

async function takeBaseBackup(context: Context): Promise<BaseBackup> {
  const { sandbox, tools, signal } = context;
  const ledger = `preflight_ledger_${randomBytes(4).toString('hex')}`;
  const url = await sandbox.postgres.createDatabase(ledger);
  const backups = await startBackups({ directory: sandbox.directory, postgres: sandbox.postgres, tools, locations: 1 });
  const book = await startLedger(url, signal);
  // Past whatever stands in front of the service: that is in the way of the copy, not of what is backed up.
  const target = { url: sandbox.service.url, databaseUrl: sandbox.databaseUrl, credentials: sandbox.credentials };
  const load = context.config.write && startWrites({ config: context.config, target, signal }, writers);
  try {
    context.progress('backing up while orders come in');
    await book.more(entriesBetween);
    const startedAt = performance.now();
    await backups.run('--type=full', 'backup');
    const backupMs = Math.round(performance.now() - startedAt);
    const marks = await markMoments(book.more, (name) =>
      book.between(async (database) => void (await database.query('SELECT pg_create_restore_point($1)', [name]))),
    );
    await book.more(entriesBetween);
    await book.stop();
    const attempts = (await load?.stop()) ?? [];
    await backups.archive();
    const { label, stop } = await describe(backups);
    const moments = [endOfBackup(stop, book.entries), ...marks.map((mark) => momentOf(mark, book.entries))];
    return { backups, label, ledger, moments, attempts, backupMs };
  } finally {
    await Promise.all([book.stop(), load?.stop(), backups.pause()]);
  }
}

type Mark = Pick<Moment, 'kind' | 'target'> & { after: Entry };

async function markMoments(
  more: (count: number) => Promise<Entry>,
  point: (name: string) => Promise<Entry>,
): Promise<Mark[]> {
  await more(entriesBetween);
  const name = await point(restorePoint);
  const time = await more(entriesBetween);
  const xid = await more(entriesBetween);
  const lsn = await more(entriesBetween);
  return [
    { kind: 'name', target: restorePoint, after: name },
    { kind: 'time', target: time.committedAt, after: time },
    { kind: 'xid', target: xid.xid, after: xid },
    { kind: 'lsn', target: lsn.lsn, after: lsn },
  ];
}

function momentOf({ after, ...mark }: Mark, entries: readonly Entry[]): Moment {
  const next = entries[after.number];
  if (!next) throw new Error('the ledger ended with the moment that was marked');
  return { ...mark, least: after.number, most: after.number, ...clockOf(after, next) };
}

function clockOf(before: Entry, after: Entry): Pick<Moment, 'fromMs' | 'untilMs'> {
  return { fromMs: Date.parse(before.committedAt), untilMs: Date.parse(after.committedAt) + 1 };
}

async function describe(backups: SandboxBackups): Promise<{ label: string; stop: string }> {
  const { stdout } = await backups.run('--output=json', 'info');
  const [, label, stop] = /"label":"([^"]+)","lsn":\{"start":"[^"]+","stop":"([^"]+)"\}/.exec(stdout) ?? [];
  if (label === undefined || stop === undefined) throw new Error('the backup does not tell where it ended');
  return { label, stop };
}

/** As soon as the copy is consistent: where the backup ended, by its own record. */
function endOfBackup(stop: string, entries: readonly Entry[]): Moment {
  const within = entries.filter(({ lsn }) => positionOf(lsn) <= positionOf(stop));
  const [last, next] = [within.at(-1), entries[within.length]];
  if (!last || !next) throw new Error('the ledger did not go on while the backup ended');
  // The log may have stood behind the end already when the next entry was asked for, whose commit lay before it.
  return {
    kind: 'immediate',
    target: stop,
    least: last.number,
    most: next.number,
    ...clockOf(last, entries[next.number] ?? next),
  };
}

/** https://www.postgresql.org/docs/current/datatype-pg-lsn.html */
export function positionOf(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** The service's database in a restored cluster. */
export function sameDatabase(cluster: string, original: string): string {
  return databaseUrl(cluster, new URL(original).pathname.slice(1));
}
