import type { Tx } from './pool.ts';

/** How the database server is used, of one moment; counts are since its statistics were last reset. */
export interface ServerStats {
  readonly sizeBytes: number;
  /** Of all databases and users, with what PostgreSQL itself keeps open; the most that it lets in. */
  readonly connections: number;
  readonly connectionsMax: number;
  readonly committed: number;
  readonly rolledBack: number;
  readonly deadlocks: number;
  /** Blocks that were found in its memory, and that were not. */
  readonly blocksCached: number;
  readonly blocksRead: number;
  readonly rowsWritten: number;
  readonly standbys: number;
  /** How far the slowest standby is behind, in seconds; 0 without one, null where this role may not see it. */
  readonly replicationLagS: number | null;
}

/**
 * Reads it in one statement, from views that every role may read. A standby that has caught up has no lag to tell of; to a
 * role that is not let in on statistics the view shows none either, so that the two are told apart by the privilege.
 */
export async function readServerStats(tx: Tx): Promise<ServerStats> {
  const { rows } = await tx.query<ServerStats & object>({
    name: 'read-server-stats',
    text: `
      SELECT pg_database_size(current_database())::float8 AS "sizeBytes",
        (SELECT count(*) FROM pg_stat_activity)::integer AS connections,
        current_setting('max_connections')::integer AS "connectionsMax",
        d.xact_commit::float8 AS committed, d.xact_rollback::float8 AS "rolledBack", d.deadlocks::float8 AS deadlocks,
        d.blks_hit::float8 AS "blocksCached", d.blks_read::float8 AS "blocksRead",
        (d.tup_inserted + d.tup_updated + d.tup_deleted)::float8 AS "rowsWritten",
        r.standbys, CASE WHEN r.standbys = 0 OR pg_has_role('pg_read_all_stats', 'USAGE') THEN r.lag END AS "replicationLagS"
      FROM pg_stat_database d, (
        SELECT count(*)::integer AS standbys, coalesce(max(extract(epoch FROM replay_lag)), 0)::float8 AS lag
        FROM pg_stat_replication
      ) r WHERE d.datname = current_database()`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the statistics of this database are exactly one row');
  return row;
}
