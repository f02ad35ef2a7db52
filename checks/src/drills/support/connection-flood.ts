import pg from 'pg';
import { withDatabase } from '../../io/database.ts';

/** Every connection that a server gives is held, and those of others are ended until they find none. */
export interface ConnectionFlood {
  held: number;
  close(): Promise<void>;
}

const connectTimeoutMs = 2_000;
const roundsAtMost = 20;
/** More than the sandbox's server gives. */
const mostConnections = 400;

/** @throws when others still have connections after so many rounds. `url` is a superuser's. */
export async function floodConnections(url: string, victims: string): Promise<ConnectionFlood> {
  const held: pg.Client[] = [];
  const close = async () => void (await Promise.all(held.splice(0).map((client) => client.end())));
  try {
    for (let round = 0; round < roundsAtMost; round += 1) {
      await takeAll(url, held);
      if ((await endOthers(held, victims)) === 0) return { held: held.length, close };
    }
    throw new Error(`others still find connections after ${roundsAtMost} rounds`);
  } catch (error) {
    await close();
    throw error;
  }
}

/** Until the server refuses one. */
async function takeAll(url: string, held: pg.Client[]): Promise<void> {
  while (held.length < mostConnections) {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      application_name: 'preflight',
    });
    // A connection that breaks while it is held is one less that others are kept from; the end of the drill closes it anyhow.
    client.on('error', () => undefined);
    try {
      await client.connect();
    } catch (error) {
      if ((error as { code?: string }).code === tooManyConnections) return;
      throw error;
    }
    held.push(client);
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const tooManyConnections = '53300';

/** How many it ended. */
async function endOthers([client]: readonly pg.Client[], database: string): Promise<number> {
  if (!client) throw new Error('the server gave no connection at all');
  const { rowCount } = await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name <> 'preflight'",
    [database],
  );
  return rowCount ?? 0;
}

/** Ends every connection to a database but our own. Returns how many there were. */
export async function endConnections(databaseUrl: string): Promise<number> {
  const rows = await withDatabase(databaseUrl, (client) =>
    client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'preflight'",
    ),
  );
  return rows.length;
}
