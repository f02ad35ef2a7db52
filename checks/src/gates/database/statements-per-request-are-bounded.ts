import { randomUUID } from 'node:crypto';
import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';
import { attemptWrite } from '../../io/writes.ts';
import { countStatements, type StatementCount } from './support/statement-counts.ts';

interface Request {
  what: string;
  most: number;
  /** Statements that every one of the requests took. What workers ask in between belongs to no request. */
  statements: number;
}

/** So many rows are there to be listed, and each request is made so often. */
const repetitions = 20;

export default defineGate<Request[]>({
  id: 'database/statements-per-request-are-bounded',
  severity: 'blocker',
  profile: 'commit',
  needs: ['sandbox', 'config:databaseRole', 'config:statements', 'config:write'],
  covers: ['db.plans.optimised'],
  unit: 'requests',
  why: 'A page that asks once more for each of its rows is quick with three rows and takes a second with a thousand, and no single one of its statements is slow.',
  fix: 'Ask for all rows in one statement: a join, = ANY ($1), or LATERAL.',
  source: 'https://www.postgresql.org/docs/current/pgstatstatements.html',
  alone: true,

  async observe(context) {
    const { reads, mostPerWrite } = partOf(context.config, 'statements');
    const write = () => attemptWrite(context, { idempotencyKey: randomUUID(), writer: 0 });
    const facts = [{ what: 'the write', most: mostPerWrite, statements: await perRequest(context, write) }];
    const [key] = context.target.credentials.writers;
    for (const { path, most } of reads) {
      const read = async () => {
        const { status } = await send(context.target.url, { method: 'GET', path }, key === undefined ? {} : { key });
        if (status !== 200) throw new Error(`GET ${path} answers ${status}`);
      };
      facts.push({ what: `GET ${path}`, most, statements: await perRequest(context, read) });
    }
    return { examined: facts.length * repetitions, facts };
  },

  judge: (facts) =>
    facts
      .filter(({ most, statements }) => statements > most || statements === 0)
      .map(({ what, most, statements }) => ({
        message:
          statements === 0
            ? `${what} asked the database nothing`
            : `${what} takes ${statements} statements, and ${most} are the most`,
        identity: what,
      })),

  samples: {
    good: [[{ what: 'GET /carts', most: 2, statements: 2 }]],
    bad: [[{ what: 'GET /carts', most: 2, statements: 21 }], [{ what: 'GET /carts', most: 2, statements: 0 }]],
  },

  /** A bound that each of these requests is one statement past. */
  async sabotage(sandbox) {
    const { reads } = partOf(sandbox.config, 'statements');
    for (const read of reads) read.most -= 1;
    return async () => {
      for (const read of reads) read.most += 1;
    };
  },
});

/** Whole statements per request: one that ran for some of the requests alone is none of theirs. */
async function perRequest(context: Context, request: () => Promise<unknown>): Promise<number> {
  const { config, sandbox } = context;
  const { name: role } = partOf(config, 'databaseRole');
  const look = () =>
    withDatabase(sandbox.postgres.url, (database) => countStatements(database, sandbox.databaseUrl, role));
  const before = callsOf(await look());
  for (let time = 0; time < repetitions; time += 1) await request();
  const after = callsOf(await look());
  return [...after].reduce((sum, [id, calls]) => sum + Math.floor((calls - (before.get(id) ?? 0)) / repetitions), 0);
}

function callsOf(counts: readonly StatementCount[]): Map<string, number> {
  return new Map(counts.map(({ id, calls }) => [id, calls]));
}
