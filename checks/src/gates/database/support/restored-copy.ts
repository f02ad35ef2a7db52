import type { Context } from '../../../engine/context.ts';
import type { Finding } from '../../../engine/gate.ts';
import { withDatabase } from '../../../io/database.ts';
import { type InvariantSeen, readInvariants } from '../../../io/invariants.ts';
import { type Backup, readDatabase } from './backup.ts';
import { lineDifference } from './line-difference.ts';
import { readSequences, type SequencePosition, type TableStructure } from './structure.ts';
import type { TableContent } from './table-content.ts';

export interface TableSeen {
  table: string;
  source: TableContent;
  /** Null: the copy does not have it. */
  restored: TableContent | null;
}

export interface StructureSeen {
  table: string;
  source: TableStructure;
  restored: TableStructure;
}

export interface SequenceSeen {
  sequence: string;
  before: SequencePosition;
  after: SequencePosition;
  restored: SequencePosition | null;
}

/** The copy beside the database at the moment of the dump. */
export interface Comparison {
  tables: TableSeen[];
  structures: StructureSeen[];
  sequences: SequenceSeen[];
  /** The first lines in which the schemas differ, as pg_dump writes them: constraints, grants, bodies of functions. */
  schema: string[];
  /** Not asked of a copy that differs: they are about the database, and it is not. */
  invariants: InvariantSeen[];
}

/** Reads the restored copy as the database was read when it was dumped. */
export async function compare(context: Context, backup: Backup, url: string): Promise<Comparison> {
  const [copy, sequences] = await withDatabase(url, async (database) => [
    await readDatabase(context, database, url),
    await readSequences(database),
  ]);
  const { contents, structures, schema } = backup.source;
  const tables = Object.entries(contents).map(([table, source]) => ({
    ...{ table, source },
    restored: copy.contents[table] ?? null,
  }));
  const isEqual = tables.every((table) => judgeTable(table).length === 0);
  return {
    tables,
    schema: lineDifference(schema, copy.schema),
    invariants: isEqual ? await invariantsOf(url, context.config) : [],
    // A table that is missing is told once, by its rows.
    structures: Object.entries(structures).flatMap(([table, source]) => {
      const restored = copy.structures[table];
      return restored ? [{ table, source, restored }] : [];
    }),
    sequences: Object.entries(backup.sequencesBefore).map(([sequence, before]) => ({
      ...{ sequence, before },
      after: backup.sequencesAfter[sequence] ?? before,
      restored: sequences[sequence] ?? null,
    })),
  };
}

/**
 * On a connection of their own: they are the service's words, and the comparison has settings that are not.
 * @throws when they look at nothing in a copy that holds all that the database does.
 */
async function invariantsOf(url: string, { database: { invariants } }: Context['config']): Promise<InvariantSeen[]> {
  const seen = await withDatabase(url, (database) => readInvariants(database, invariants));
  if (seen.length > 0 && seen.every(({ looksAt }) => looksAt === 0)) {
    throw new Error('none of database.invariants looks at a single row of the restored copy');
  }
  return seen;
}

/** That pg_restore failed is the backup's fault only if the scratch database answers. */
export async function nothingToCompare(url: string): Promise<Comparison> {
  await withDatabase(url, (database) => database.query('SELECT 1'));
  return { tables: [], structures: [], sequences: [], schema: [], invariants: [] };
}

/** What of the database the copy does not have, table by table, and what does not hold in it. */
export function judgeComparison({ tables, structures, sequences, schema, invariants }: Comparison): Finding[] {
  return [
    ...tables.flatMap(judgeTable),
    ...structures.flatMap(judgeStructure),
    ...sequences.flatMap(judgeSequence),
    ...judgeSchema(schema),
    ...invariants.flatMap(judgeInvariant),
  ];
}

function judgeTable({ table, source, restored }: TableSeen): Finding[] {
  if (!restored) return [{ message: `${table} is missing: ${source.rows} rows are lost`, identity: table }];
  if (source.rows !== restored.rows) {
    return [
      {
        message: `${table} has ${restored.rows} rows in the copy, and ${source.rows} in the database`,
        identity: table,
      },
    ];
  }
  if (source.hash === restored.hash) return [];
  const message = `${table} has ${restored.rows} rows in the copy and in the database, and their values differ`;
  return [{ message, identity: table }];
}

function judgeStructure({ table, source, restored }: StructureSeen): Finding[] {
  const kinds = ['indexes', 'constraints', 'triggers'] as const;
  return kinds
    .filter((kind) => source[kind] !== restored[kind])
    .map((kind) => ({
      message: `${table} has ${restored[kind]} ${kind} in the copy, and ${source[kind]} in the database`,
      identity: `${table} ${kind}`,
    }));
}

function judgeSchema(schema: readonly string[]): Finding[] {
  if (schema.length === 0) return [];
  const message = `the schema of the copy differs (- in the database only, + in the copy only): ${schema.join('; ')}`;
  return [{ message, identity: 'schema' }];
}

/** Behind where it stood, it would give out numbers that are taken; beyond, it was not of that dump. */
function judgeSequence({ sequence: name, before, after, restored }: SequenceSeen): Finding[] {
  if (!restored) return [{ message: `sequence ${name} is missing`, identity: name }];
  const [lowest, highest] = [next(before), next(after)].sort((a, b) => (a < b ? -1 : 1));
  const is = next(restored);
  if (lowest !== undefined && highest !== undefined && lowest <= is && is <= highest) return [];
  const message = `sequence ${name} gives ${is} next in the copy, and ${next(before)} to ${next(after)} in the database`;
  return [{ message, identity: name }];
}

function next({ lastValue, isCalled }: SequencePosition): bigint {
  return BigInt(lastValue) + (isCalled ? 1n : 0n);
}

function judgeInvariant({ name, looksAt, violations, examples }: InvariantSeen): Finding[] {
  if (violations === 0) return [];
  const message = `in the copy it does not hold that ${name}: ${violations} times in ${looksAt} rows, as ${examples.join(', ')}`;
  const fix = 'Find the transaction that broke it: a backup is only as right as the database that it was taken from.';
  return [{ message, identity: name, fix }];
}
