import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { withDatabase } from '../../io/database.ts';
import { attemptWrite, type WriteTarget } from '../../io/writes.ts';
import { type Clock, createClock } from '../../sandbox/clock.ts';
import { settings, startCluster } from '../../sandbox/postgres.ts';
import type { Replica } from '../../sandbox/sandbox.ts';
import { freePorts } from '../../sandbox/server.ts';
import { copyOf } from '../../sandbox/standby.ts';

/** Processes of the service and a copy of its database, each on a clock that can be set while they run. */
export interface TimeTravel {
  readonly clocks: { readonly database: Clock; readonly service: Clock };
  readonly replicas: readonly Replica[];
  readonly databaseUrl: string;
  /** Of one of the replicas, by its number. */
  at(replica: number): WriteTarget;
  /** Both clocks; and the quotes are of that time. */
  set(ms: number): Promise<void>;
  /** The quotes are of this moment, by the database's clock. */
  quote(): Promise<void>;
}

const replicaCount = 2;

/** All of it ends with the work; the sandbox's own database and service are left alone. */
export async function withTimeTravel<T>(
  context: Context,
  startAtMs: number,
  work: (travel: TimeTravel) => Promise<T>,
): Promise<T> {
  const { sandbox, tools, config, target, signal } = context;
  const { directory, postgres } = sandbox;
  const name = `clock-${randomBytes(4).toString('hex')}`;
  const database = await createClock(directory, `${name}-database`, tools);
  const service = await createClock(directory, `${name}-service`, tools);
  for (const clock of [database, service]) clock.set(startAtMs);
  const { identity } = postgres;
  const [port = 0] = await freePorts(1);
  const dataDirectory = await copyOf(postgres, join(directory, name), tools);
  const { environment } = database;
  const own = { directory, dataDirectory, name, identity, port, environment };
  const cluster = await startCluster({ ...own, settings: { ...settings, archive_mode: 'off' } }, tools);
  const replicas: Replica[] = [];
  const moved = (url: string) => Object.assign(new URL(url), { port: String(port) }).href;
  const databaseUrl = moved(target.databaseUrl);
  const quote = async () => {
    const { table, asOf } = partOf(config, 'quotes');
    await withDatabase(databaseUrl, (client) => client.query(`UPDATE ${table} SET ${asOf} = clock_timestamp()`));
  };
  const set = async (ms: number) => {
    for (const clock of [database, service]) clock.set(ms);
    await quote();
  };
  try {
    await set(startAtMs);
    const elsewhere = { databaseUrl: moved(sandbox.serviceDatabaseUrl), redisUrl: '' };
    const start = async () => replicas.push(await sandbox.startReplica(service.environment, elsewhere));
    await Promise.all(Array.from({ length: replicaCount }, start));
    const at = (replica: number): WriteTarget => {
      const url = replicas[replica % replicas.length]?.url ?? '';
      return { config, target: { url, databaseUrl, credentials: target.credentials }, signal };
    };
    return await work({ clocks: { database, service }, replicas, databaseUrl, at, set, quote });
  } finally {
    await Promise.all(replicas.map((replica) => replica.close()));
    await cluster.stop('immediate');
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

/** One write of another kind than the configured one. */
export function writeOf(
  target: WriteTarget,
  request: NonNullable<WriteTarget['config']['write']>['request'],
  writer: number,
): ReturnType<typeof attemptWrite> {
  const config = { write: { ...partOf(target.config, 'write'), request } };
  const writers = target.target.credentials.writers.length;
  return attemptWrite({ ...target, config }, { idempotencyKey: crypto.randomUUID(), writer: writer % writers });
}

/** When each of the writes was executed, by the database's clock: as often as it was. */
export async function executionsOf(
  { config }: Pick<Context, 'config'>,
  databaseUrl: string,
  ids: readonly string[],
): Promise<Map<string, number[]>> {
  const { executions } = partOf(config, 'clock');
  const sql = `SELECT id, at FROM (${executions}) AS e (id, at) WHERE id = ANY ($1)`;
  const rows = await withDatabase(databaseUrl, (database) => database.query(sql, [ids]));
  const times = new Map<string, number[]>(ids.map((id) => [id, []]));
  for (const { id, at } of rows) times.get(id ?? '')?.push(Number(at));
  return times;
}
