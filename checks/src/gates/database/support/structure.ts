import type { Database } from '../../../io/database.ts';
import { fromUserRelations, qualifiedName } from './user-tables.ts';

/** What keeps a table's rows right and quick to find, counted. */
export interface TableStructure {
  /** Valid ones: pg_dump leaves an INVALID index out, and nothing is lost by it. */
  indexes: number;
  constraints: number;
  /** Enabled ones, those that enforce foreign keys included. */
  triggers: number;
}

const structureSql = `
  SELECT ${qualifiedName} AS name,
         (SELECT count(*) FROM pg_index WHERE indrelid = relation.oid AND indisvalid) AS indexes,
         (SELECT count(*) FROM pg_constraint WHERE conrelid = relation.oid) AS constraints,
         (SELECT count(*) FROM pg_trigger WHERE tgrelid = relation.oid AND tgenabled <> 'D') AS triggers
    ${fromUserRelations} AND relation.relkind IN ('r', 'p') ORDER BY 1`;

/** Every table of the user, by its qualified name. */
export async function readStructures(database: Database): Promise<Record<string, TableStructure>> {
  const rows = await database.query(structureSql);
  return Object.fromEntries(
    rows.map(({ name, indexes, constraints, triggers }) => [
      name ?? '',
      { indexes: Number(indexes), constraints: Number(constraints), triggers: Number(triggers) },
    ]),
  );
}

/** Where a sequence stands. `isCalled`: `lastValue` was given out already. */
export interface SequencePosition {
  lastValue: string;
  isCalled: boolean;
}

const sequencesSql = `SELECT ${qualifiedName} AS name ${fromUserRelations} AND relation.relkind = 'S' ORDER BY 1`;

/** Every sequence of the user, by its qualified name. A sequence obeys no snapshot: this is where each stands now. */
export async function readSequences(database: Database): Promise<Record<string, SequencePosition>> {
  const names = (await database.query(sequencesSql)).map(({ name }) => name ?? '');
  if (names.length === 0) return {};
  const each = names.map((name, index) => `SELECT ${index} AS number, last_value, is_called FROM ${name}`);
  const rows = await database.query(each.join(' UNION ALL '));
  return Object.fromEntries(
    rows.map((row) => [
      names[Number(row.number)] ?? '',
      { lastValue: row.last_value ?? '', isCalled: row.is_called === 't' },
    ]),
  );
}
