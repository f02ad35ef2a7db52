import type { Meter } from '@opentelemetry/api';

/** How the database server is used. Counts are its own, and the same whichever replica is asked. */
export interface ServerSeen {
  readonly sizeBytes: number;
  readonly connections: number;
  readonly connectionsMax: number;
  readonly committed: number;
  readonly rolledBack: number;
  readonly deadlocks: number;
  readonly blocksCached: number;
  readonly blocksRead: number;
  readonly rowsWritten: number;
  readonly standbys: number;
  /** Null where the service's role may not see it. */
  readonly replicationLagS: number | null;
}

/** Asks the server at each scrape; a rejection leaves its metrics out, and `database_up` tells why. */
export function watchServer(meter: Meter, read: () => Promise<ServerSeen>): void {
  const gauge = (name: string, description: string) => meter.createObservableGauge(name, { description });
  const counter = (name: string, description: string) => meter.createObservableCounter(name, { description });
  const size = gauge('database.size_bytes', 'What the database takes on disk.');
  const connections = gauge('database.server.connections', 'Connections to the server, whoever has them.');
  const most = gauge('database.server.max_connections', 'Most connections that the server lets in.');
  const standbys = gauge('database.replication.standbys', 'Standbys that follow the server.');
  const lag = gauge('database.replication.lag_seconds', 'How far the slowest standby is behind; 0 without one.');
  const transactions = counter('database.transactions', 'Transactions of the database, by their end.');
  const deadlocks = counter('database.deadlocks', 'Deadlocks that the server has broken.');
  const blocks = counter('database.blocks', 'Blocks that were wanted, by where they were found.');
  const rows = counter('database.rows_written', 'Rows inserted, updated and deleted.');
  const all = [size, connections, most, standbys, lag, transactions, deadlocks, blocks, rows];
  meter.addBatchObservableCallback(async (result) => {
    const seen = await read().catch(() => undefined);
    if (seen === undefined) return;
    result.observe(size, seen.sizeBytes);
    result.observe(connections, seen.connections);
    result.observe(most, seen.connectionsMax);
    result.observe(standbys, seen.standbys);
    if (seen.replicationLagS !== null) result.observe(lag, seen.replicationLagS);
    result.observe(transactions, seen.committed, { end: 'committed' });
    result.observe(transactions, seen.rolledBack, { end: 'rolled-back' });
    result.observe(deadlocks, seen.deadlocks);
    result.observe(blocks, seen.blocksCached, { found: 'memory' });
    result.observe(blocks, seen.blocksRead, { found: 'elsewhere' });
    result.observe(rows, seen.rowsWritten);
  }, all);
}
