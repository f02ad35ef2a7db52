import { findTools } from '../../src/io/tools.ts';
import { createDirectory, removeDirectory } from '../../src/sandbox/journal.ts';
import { type PostgresServer, startPostgres } from '../../src/sandbox/postgres.ts';
import { freePorts } from '../../src/sandbox/server.ts';

/** The repository's root, whatever directory the tests are started in. */
export const root = new URL('../../../', import.meta.url).pathname;
export const tools = findTools(root);

export interface ThrowawayPostgres extends PostgresServer {
  /** Its own, removed with it. */
  readonly directory: string;
  close(): Promise<void>;
}

/** A PostgreSQL cluster for one test file; if the test is killed, the next sandbox ends it. */
export async function startThrowawayPostgres(): Promise<ThrowawayPostgres> {
  const directory = await createDirectory();
  try {
    const [port = 0] = await freePorts(1);
    const server = await startPostgres(directory, tools, port);
    return { ...server, directory, close: () => removeDirectory(directory) };
  } catch (error) {
    await removeDirectory(directory);
    throw error;
  }
}
