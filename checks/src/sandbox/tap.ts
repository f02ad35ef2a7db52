import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/**
 * Moments in the life of a write's transaction, between what the service tells PostgreSQL and what it hears.
 * - `before-the-write`: the first message that names the write does not arrive.
 * - `in-the-transaction`: the answer to it does not arrive.
 * - `before-commit`: the COMMIT does not arrive.
 * - `commit-sent`: the COMMIT arrives, and its answer does not.
 * - `commit-answered`: the answer to the COMMIT has just arrived.
 */
export const crashPoints = [
  'before-the-write',
  'in-the-transaction',
  'before-commit',
  'commit-sent',
  'commit-answered',
] as const;
export type CrashPoint = (typeof crashPoints)[number];

/** A proxy in front of PostgreSQL that knows where in its transaction a write is. */
export interface Tap {
  /** The database's, through the tap. */
  readonly url: string;
  /** Calls `hit` once, in the moment in which that many writes have come to the point, and passes nothing on after it. */
  arm(point: CrashPoint, count: number, hit: () => void): void;
  close(): Promise<void>;
}

interface Trigger {
  point: CrashPoint;
  left: number;
  hit(): void;
}

/** `marker`: what the messages of a write, and no others, hold in plain text, such as the beginning of its idempotency key. */
export async function startTap(databaseUrl: string, marker: string): Promise<Tap> {
  const upstream = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let trigger: Trigger | undefined;
  const reached = (point: CrashPoint): boolean => {
    if (trigger?.point !== point) return false;
    trigger.left -= 1;
    if (trigger.left > 0) return false;
    const { hit } = trigger;
    trigger = undefined;
    hit();
    return true;
  };
  const server = createServer((client) => {
    const database = connect(Number(upstream.port), upstream.hostname);
    for (const socket of [client, database]) {
      sockets.add(socket);
      // Either end may be killed at any moment: that is what the tap is for.
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('close', () => database.destroy());
    database.on('close', () => client.destroy());
    relay(client, database, marker, reached);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the tap was given no port');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(address.port);
  return {
    url: url.href,
    arm(point, count, hit) {
      trigger = { point, left: count, hit };
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One connection. Once a point is hit it passes nothing on in either direction: its process is being killed. */
function relay(client: Socket, database: Socket, marker: string, reached: (point: CrashPoint) => boolean): void {
  let phase: 'idle' | 'asked' | 'writing' | 'committing' = 'idle';
  let dead = false;
  client.on('data', (chunk) => {
    if (dead) return;
    const begins = phase === 'idle' && chunk.includes(marker);
    const commits = (phase !== 'idle' || begins) && chunk.includes('COMMIT');
    dead = (begins && reached('before-the-write')) || (commits && reached('before-commit'));
    if (dead) return;
    if (begins) phase = 'asked';
    if (commits) phase = 'committing';
    database.write(chunk);
    if (commits) dead = reached('commit-sent');
  });
  database.on('data', (chunk) => {
    if (dead) return;
    if (phase === 'asked') {
      dead = reached('in-the-transaction');
      phase = 'writing';
    }
    if (dead) return;
    client.write(chunk);
    if (phase !== 'committing') return;
    phase = 'idle';
    dead = reached('commit-answered');
  });
}
