import { rmSync } from 'node:fs';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { databaseUrl, withDatabase } from '../../io/database.ts';
import { type Attempt, storedIds } from '../../io/writes.ts';
import { type BaseBackup, baseBackupOf, type Moment, sameDatabase } from './support/base-backup.ts';
import { ledgerRows } from './support/ledger.ts';
import { restoreCluster } from './support/restore.ts';

/** What came back of a moment. */
interface Recovered extends Pick<Moment, 'kind' | 'target' | 'least' | 'most'> {
  /** Null: it could not be restored, and why. */
  failure: string | null;
  /** Of the ledger: how many entries, and the number of the newest. Without a hole they are the same. */
  rows: number;
  newest: number;
  /** Accepted orders that were acknowledged before the moment and are not there, and those asked for after it that are. */
  lostOrders: string[];
  laterOrders: string[];
  durationMs: number;
}

interface Facts {
  recovered: Recovered[];
  /** What became of a recovery to a moment that never was. */
  unreachable: { cameUp: boolean; said: string };
  /** Accepted orders that were looked for in each copy. */
  orders: number;
}

/** What is asked for most, after a mistake. All of them with `--long`. */
const shortKinds: readonly Moment['kind'][] = ['time'];
const neverMade = 'preflight_never_made';
/** What PostgreSQL says then, and ends. https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-RECOVERY-TARGET-ACTION */
const refusal = 'recovery ended before configured recovery target was reached';

export default defineGate<Facts>({
  id: 'backups/point-in-time-is-exact',
  severity: 'blocker',
  profile: 'commit',
  long: true,
  needs: ['service', 'database', 'sandbox', 'pgbackrest', 'config:recovery'],
  covers: ['backups.point-in-time', 'failover.recovery.tested'],
  unit: 'recovered rows and orders',
  why: 'Whoever undoes a mistake restores the moment before it: one transaction too many brings it back, one too few loses an order.',
  fix: 'Restore with the arguments of runbooks/bin/point-in-time-restore, and archive every segment: `pgbackrest check` tells which part does not work.',
  source: 'https://pgbackrest.org/user-guide.html#pitr',
  resources: ['backups'],
  timeoutMs: 90_000,
  longTimeoutMs: 240_000,

  async observe(context) {
    const base = await baseBackupOf(context);
    const moments = base.moments.filter(({ kind }) => context.long || shortKinds.includes(kind));
    const recovered: Recovered[] = [];
    for (const moment of moments) {
      context.progress(`recovering to ${moment.kind} ${moment.target}`);
      recovered.push(await recoverTo(context, base, moment));
    }
    context.progress('recovering to a moment that never was');
    const unreachable = await recoverToNowhere(context, base);
    const orders = base.attempts.filter(({ accepted }) => accepted).length;
    const examined = recovered.reduce((sum, { rows }) => sum + rows, orders * recovered.length);
    return { examined, facts: { recovered, unreachable, orders } };
  },

  judge: ({ recovered, unreachable }) => [...recovered.flatMap(judgeRecovered), ...judgeUnreachable(unreachable)],

  samples: {
    good: [
      facts({}),
      facts({ recovered: [recoveredTo({ most: 41 })] }),
      facts({ recovered: [recoveredTo({ least: 39 })] }),
    ],
    bad: [
      facts({
        recovered: [recoveredTo({ failure: 'pgbackrest restore ended with exit code 75', rows: 0, newest: 0 })],
      }),
      facts({ recovered: [recoveredTo({ rows: 39, newest: 39 })] }),
      facts({ recovered: [recoveredTo({ rows: 41, newest: 41 })] }),
      facts({ recovered: [recoveredTo({ rows: 38 })] }),
      facts({ recovered: [recoveredTo({ lostOrders: ['1'] })] }),
      facts({ recovered: [recoveredTo({ laterOrders: ['2'] })] }),
      facts({ unreachable: { cameUp: true, said: '' } }),
      facts({ unreachable: { cameUp: false, said: 'could not open file' } }),
    ],
  },

  /** The recovery stops just before its target, as the argument says that somebody once needed. */
  async sabotage({ config }) {
    const { restoreArguments } = partOf(config, 'recovery');
    restoreArguments.push('--target-exclusive');
    return async () => void restoreArguments.pop();
  },
});

async function recoverTo(context: Context, base: BaseBackup, moment: Moment): Promise<Recovered> {
  const { kind, target, least, most } = moment;
  const startedAt = performance.now();
  const seen = { kind, target, least, most };
  const sinceStart = () => Math.round(performance.now() - startedAt);
  try {
    const read = await readRecovered(context, base, targetOf(context, moment), (url) =>
      ordersBeside(context, base.attempts, moment, url),
    );
    return { ...seen, ...read, failure: null, durationMs: sinceStart() };
  } catch (error) {
    context.signal.throwIfAborted();
    const nothing = { rows: 0, newest: 0, lostOrders: [], laterOrders: [] };
    return { ...seen, ...nothing, failure: (error as Error).message, durationMs: sinceStart() };
  }
}

/** `immediate` and `name` have no target of their own to be exclusive about. */
function targetOf({ config }: Context, { kind, target }: Pick<Moment, 'kind' | 'target'>): string[] {
  const more = partOf(config, 'recovery').restoreArguments;
  if (kind === 'immediate') return [...more, '--type=immediate', '--target-action=promote'];
  return [...more, `--type=${kind}`, `--target=${target}`, '--target-action=promote'];
}

/** Every recovery is done in the same place, one after another: `--delta` copies what differs. */
const name = 'point-in-time';

async function readRecovered(
  { sandbox, tools }: Context,
  { backups, label, ledger }: BaseBackup,
  asked: readonly string[],
  orders: (url: string) => Promise<Pick<Recovered, 'lostOrders' | 'laterOrders'>>,
): Promise<Pick<Recovered, 'rows' | 'newest' | 'lostOrders' | 'laterOrders'>> {
  const { directory, postgres } = sandbox;
  const target = [`--set=${label}`, ...asked];
  const { server } = await restoreCluster({ backups, tools, directory, identity: postgres.identity, name, target });
  try {
    const rows = await withDatabase(databaseUrl(server.url, ledger), (database) => database.query(ledgerRows));
    const found = await orders(sameDatabase(server.url, sandbox.databaseUrl));
    return { rows: rows.length, newest: Number(rows.at(-1)?.number ?? 0), ...found };
  } finally {
    await server.stop('fast');
  }
}

async function ordersBeside(
  { config, target, signal }: Context,
  attempts: readonly Attempt[],
  { fromMs, untilMs }: Moment,
  url: string,
): Promise<Pick<Recovered, 'lostOrders' | 'laterOrders'>> {
  if (config.write === undefined) return { lostOrders: [], laterOrders: [] };
  const stored = await storedIds({
    config,
    target: { url: target.url, credentials: target.credentials, databaseUrl: url },
    signal,
  });
  const accepted = attempts.flatMap((attempt) =>
    attempt.accepted && attempt.id !== null ? [{ ...attempt, id: attempt.id }] : [],
  );
  return {
    lostOrders: accepted.filter(({ id, endedAtMs }) => endedAtMs < fromMs && !stored.has(id)).map(({ id }) => id),
    laterOrders: accepted.filter(({ id, startedAtMs }) => startedAtMs > untilMs && stored.has(id)).map(({ id }) => id),
  };
}

async function recoverToNowhere(context: Context, base: BaseBackup): Promise<Facts['unreachable']> {
  const target = ['--type=name', `--target=${neverMade}`, '--target-action=promote'];
  try {
    await readRecovered(context, base, target, async () => ({ lostOrders: [], laterOrders: [] }));
    return { cameUp: true, said: '' };
  } catch (error) {
    context.signal.throwIfAborted();
    const { message } = error as Error;
    return { cameUp: false, said: message.includes(refusal) ? refusal : message };
  } finally {
    rmSync(`${base.backups.directory}/${name}`, { recursive: true, force: true });
  }
}

function judgeRecovered({
  kind,
  target,
  least,
  most,
  failure,
  rows,
  newest,
  lostOrders,
  laterOrders,
}: Recovered): Finding[] {
  const moment = `${kind} ${target}`;
  if (failure !== null) return [{ message: `a recovery to ${moment} failed: ${failure}`, identity: kind }];
  const wanted = least === most ? `${least}` : `${least} or ${most}`;
  const exact = least <= newest && newest <= most;
  const findings: Finding[] = [];
  if (!exact)
    findings.push({ message: `recovered to ${moment}, the newest row is ${newest}, not ${wanted}`, identity: kind });
  if (rows !== newest)
    findings.push({
      message: `recovered to ${moment}, ${newest - rows} rows are missing in between`,
      identity: `hole ${kind}`,
    });
  const orders = [
    ...lostOrders.slice(0, 1).map((id) => `${lostOrders.length} orders acknowledged before it are lost, such as ${id}`),
    ...laterOrders.slice(0, 1).map((id) => `${laterOrders.length} orders asked for after it are there, such as ${id}`),
  ];
  return [
    ...findings,
    ...orders.map((said) => ({ message: `recovered to ${moment}: ${said}`, identity: `orders ${kind}` })),
  ];
}

function judgeUnreachable({ cameUp, said }: Facts['unreachable']): Finding[] {
  if (!cameUp && said.includes(refusal)) return [];
  const message = cameUp
    ? 'a recovery to a moment that never was came up, as if it had reached it'
    : `a recovery to a moment that never was ended with something else than that: ${said}`;
  return [{ message, identity: 'unreachable' }];
}

function recoveredTo(change: Partial<Recovered>): Recovered {
  return {
    ...{ kind: 'time', target: '2026-06-15 12:00:00.000123+00', least: 40, most: 40, failure: null },
    ...{ rows: 40, newest: 40, lostOrders: [], laterOrders: [], durationMs: 1_400 },
    ...change,
  };
}

function facts(change: Partial<Facts>): Facts {
  return { recovered: [recoveredTo({})], unreachable: { cameUp: false, said: refusal }, orders: 80, ...change };
}
