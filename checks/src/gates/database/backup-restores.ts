import { randomUUID } from 'node:crypto';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { lastLines } from '../../io/exec.ts';
import { startWrites } from '../../io/writes.ts';
import { type Backup, backupPath, removeBackup, restoreBackup, takeBackup } from './support/backup.ts';
import { readForeignKeys } from './support/foreign-keys.ts';
import {
  type Comparison,
  compare,
  judgeComparison,
  nothingToCompare,
  type SequenceSeen,
} from './support/restored-copy.ts';
import { requireSpace, type Space } from './support/space.ts';
import type { SequencePosition, TableStructure } from './support/structure.ts';
import { readContents } from './support/table-content.ts';

interface Facts extends Comparison {
  /** Writes that were accepted before the dump, and those that were accepted while it was taken. */
  writes: { before: number; during: number };
  dumpBytes: number;
  space: Space;
  /** What pg_restore said when it failed. The rest was not looked at then. */
  restoreFailure: string | null;
  phasesMs: { dump: number; create: number; restore: number; compare: number };
  /** From the dump at hand to a copy that is known to be right. */
  recoveryTimeMs: number;
}

const writers = 2;
const writesBeforeDump = 10;

export default defineGate<Facts>({
  id: 'database/backup-restores',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'pg_dump', 'pg_restore'],
  measures: true,
  covers: ['backups.restore.works', 'backups.restore.integrity', 'failover.recovery.tested'],
  unit: 'rows in the snapshot',
  why: 'A backup that was never restored is a hope: what it lacks is found out when there is nothing else left.',
  fix: 'Dump the whole database with pg_dump of the server’s own version, without arguments that leave data out, and restore it with --exit-on-error.',
  source: 'https://www.postgresql.org/docs/current/app-pgdump.html',
  timeoutMs: 120_000,

  async observe(context) {
    const file = backupPath(context);
    try {
      const { backup, writes } = await backUpWhileWriting(context, file);
      const examined = Object.values(backup.source.contents).reduce((sum, { rows }) => sum + rows, 0);
      return { examined, facts: { writes, ...(await restoreAndCompare(context, backup)) } };
    } finally {
      await removeBackup(file);
    }
  },

  judge: (facts) => [...judgeRestore(facts), ...judgeComparison(facts)],

  samples: {
    good: [facts({}), facts({ sequences: [sequence({ after: at('9'), restored: at('7') })] })],
    bad: [
      facts({ restoreFailure: 'pg_restore: error: could not execute query', tables: [] }),
      facts({ tables: [{ table: 'shop.orders', source: { rows: 2, hash: '7' }, restored: null }] }),
      facts({ tables: [{ table: 'shop.orders', source: { rows: 2, hash: '7' }, restored: { rows: 1, hash: '3' } }] }),
      facts({ tables: [{ table: 'shop.orders', source: { rows: 2, hash: '7' }, restored: { rows: 2, hash: '8' } }] }),
      facts({ structures: [{ table: 'shop.orders', source: counts({}), restored: counts({ indexes: 0 }) }] }),
      facts({ structures: [{ table: 'shop.orders', source: counts({}), restored: counts({ constraints: 1 }) }] }),
      facts({ structures: [{ table: 'shop.orders', source: counts({}), restored: counts({ triggers: 0 }) }] }),
      facts({ schema: ['-GRANT SELECT ON TABLE shop.orders TO shop_service;'] }),
      facts({ sequences: [sequence({ restored: null })] }),
      facts({ sequences: [sequence({ restored: at('1') })] }),
      facts({ sequences: [sequence({ restored: at('6') })] }),
      facts({ sequences: [sequence({ restored: { lastValue: '5', isCalled: false } })] }),
      facts({ invariants: [{ name: 'cash adds up', looksAt: 2, violations: 1, examples: ['(1,10)'] }] }),
    ],
  },

  /** The dump forgets one table's rows. */
  async sabotage({ config, databaseUrl }) {
    const forget = `--exclude-table-data=${await forgettableTable(databaseUrl)}`;
    const { dumpArguments } = config.database;
    dumpArguments.push(forget);
    return async () => {
      dumpArguments.splice(dumpArguments.indexOf(forget), 1);
    };
  },
});

/** @throws when the writes are refused, or fewer than two tables have rows: a backup of nothing proves nothing. */
async function backUpWhileWriting(
  context: Context,
  file: string,
): Promise<{ backup: Backup; writes: Facts['writes'] }> {
  const load = context.config.write === undefined ? undefined : startWrites(context, writers);
  const accepted = () => load?.attempts.filter((attempt) => attempt.accepted).length ?? 0;
  try {
    await load?.until((attempts) => attempts.length >= writesBeforeDump);
    const before = accepted();
    if (load && before === 0) throw new Error(`the service accepted none of ${writesBeforeDump} writes`);
    context.progress('dumping');
    const backup = await takeBackup(context, file);
    const filled = Object.values(backup.source.contents).filter(({ rows }) => rows > 0).length;
    if (filled < 2) throw new Error(`only ${filled} tables of the database have rows: its backup would prove nothing`);
    return { backup, writes: { before, during: accepted() - before } };
  } finally {
    await load?.stop();
  }
}

async function restoreAndCompare(context: Context, backup: Backup): Promise<Omit<Facts, 'writes'>> {
  const { postgres } = context.sandbox;
  const name = `restored_${randomUUID().replaceAll('-', '')}`;
  const startedAt = performance.now();
  try {
    const space = await requireSpace(context.target.databaseUrl, postgres.dataDirectory);
    const url = await postgres.createDatabase(name);
    const create = sinceMs(startedAt);
    context.progress('restoring');
    const restored = await restoreBackup(context, backup.file, url);
    if (restored.timedOut) throw new Error('pg_restore did not end in time');
    const restoreFailure = restored.code === 0 ? null : lastLines(restored).replace(/\n\s*\n/g, '\n');
    const compareAt = performance.now();
    const seen = restoreFailure === null ? await compare(context, backup, url) : await nothingToCompare(url);
    const phasesMs = { dump: backup.durationMs, create, restore: restored.durationMs, compare: sinceMs(compareAt) };
    return { dumpBytes: backup.bytes, space, restoreFailure, ...seen, phasesMs, recoveryTimeMs: sinceMs(startedAt) };
  } finally {
    await postgres.dropDatabase(name);
  }
}

function judgeRestore({ restoreFailure }: Facts): Finding[] {
  if (restoreFailure === null) return [];
  return [{ message: `the backup cannot be restored: ${restoreFailure}`, identity: 'restore' }];
}

/** One with rows that no other table points at, so that the copy can be built without them; else any with rows. */
async function forgettableTable(databaseUrl: string): Promise<string> {
  return withDatabase(databaseUrl, async (database) => {
    const contents = await readContents(database);
    const referenced = new Set((await readForeignKeys(database)).map(({ references }) => references));
    const filled = Object.keys(contents).filter((table) => (contents[table]?.rows ?? 0) > 0);
    const table = filled.find((candidate) => !referenced.has(candidate)) ?? filled[0];
    if (table === undefined) throw new Error('no table of the database has rows');
    return table;
  });
}

function sinceMs(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}

function at(lastValue: string): SequencePosition {
  return { lastValue, isCalled: true };
}

function counts(change: Partial<TableStructure>): TableStructure {
  return { indexes: 2, constraints: 3, triggers: 1, ...change };
}

function sequence(change: Partial<SequenceSeen>): SequenceSeen {
  return { sequence: 'shop.outbox_id_seq', before: at('5'), after: at('5'), restored: at('5'), ...change };
}

function facts(change: Partial<Facts>): Facts {
  return {
    writes: { before: 10, during: 4 },
    dumpBytes: 4096,
    space: { neededBytes: 20_000_000, freeBytes: 5_000_000_000 },
    schema: [],
    restoreFailure: null,
    tables: [{ table: 'shop.orders', source: { rows: 2, hash: '7' }, restored: { rows: 2, hash: '7' } }],
    structures: [{ table: 'shop.orders', source: counts({}), restored: counts({}) }],
    sequences: [sequence({})],
    invariants: [{ name: 'cash adds up', looksAt: 2, violations: 0, examples: [] }],
    phasesMs: { dump: 90, create: 60, restore: 200, compare: 40 },
    recoveryTimeMs: 300,
    ...change,
  };
}
