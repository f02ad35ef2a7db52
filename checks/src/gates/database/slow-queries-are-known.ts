import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { countStatements, normaliseStatement, type StatementCount } from './support/statement-counts.ts';

interface Ran {
  text: string;
  calls: number;
  pagesPerCall: number;
  meanMs: number;
  /** The hot query or the exception that names it; null: none does. */
  namedBy: string | null;
}

interface Facts {
  mostPages: number;
  statements: number;
  slow: Ran[];
  /** What took most of the server's time and is planned by no hot query, for whoever writes the next one. */
  unnamed: Ran[];
}

/** The first call of a statement on a connection reads the catalog too: one that ran less often says little of what it costs. */
const leastCalls = 5;

const mostUnnamed = 15;
const shownCharacters = 200;

const ranSample: Ran = {
  text: 'SELECT count(*) FROM shop.carts',
  calls: 30,
  pagesPerCall: 900,
  meanMs: 12,
  namedBy: null,
};

export default defineGate<Facts>({
  id: 'database/slow-queries-are-known',
  severity: 'warning',
  profile: 'commit',
  needs: ['sandbox', 'config:databaseRole', 'config:hotQueries', 'config:statements'],
  covers: ['db.plans.slow-queries'],
  unit: 'statements',
  why: 'The list of hot queries is what somebody thought of. What the service really asks is known to the server, and the slow one is often none of the list.',
  fix: 'Make it read less, add it to hotQueries so that its plan is looked at, or name it in statements.known with the reason.',
  source: 'https://www.postgresql.org/docs/current/pgstatstatements.html',
  // After the gates that ask the service: the more was asked, the more there is to see.
  measures: true,

  async observe({ config, sandbox }) {
    const { mostPages, known } = partOf(config, 'statements');
    const { name: role } = partOf(config, 'databaseRole');
    const counts = await withDatabase(sandbox.postgres.url, (database) =>
      countStatements(database, sandbox.databaseUrl, role),
    );
    const hot = new Map(partOf(config, 'hotQueries').queries.map(({ name, sql }) => [normaliseStatement(sql), name]));
    const nameOf = (text: string) =>
      hot.get(normaliseStatement(text)) ??
      known.find(({ pattern }) => new RegExp(pattern, 'i').test(text))?.reason ??
      null;
    const ran = counts.sort((a, b) => b.totalMs - a.totalMs).map((count) => describe(count, nameOf(count.text)));
    const slow = ran.filter(({ pagesPerCall, calls }) => pagesPerCall > mostPages && calls >= leastCalls);
    const unnamed = ran.filter(({ namedBy }) => namedBy === null).slice(0, mostUnnamed);
    return { examined: ran.length, facts: { mostPages, statements: ran.length, slow, unnamed } };
  },

  judge: ({ slow, mostPages }) =>
    slow
      .filter(({ namedBy }) => namedBy === null)
      .map(({ text, pagesPerCall, calls }) => ({
        message: `a statement reads ${pagesPerCall} pages per call (${calls} calls), and ${mostPages} are much: ${text}`,
        identity: text,
      })),

  samples: {
    good: [sample([]), sample([{ ...ranSample, namedBy: 'the audit of all books' }])],
    bad: [sample([ranSample])],
  },

  /** A question that somebody added to the service, and that looks once more for each row. */
  async sabotage(sandbox) {
    const slow = `SELECT count(*) FROM pg_class AS a, LATERAL (
      SELECT count(*) FROM pg_attribute AS b WHERE b.attrelid = a.oid OFFSET 0) AS c WHERE c.count > 0`;
    await withDatabase(sandbox.serviceDatabaseUrl, async (database) => {
      for (let call = 0; call < leastCalls; call += 1) await database.query(slow);
    });
    return async () => {
      // That one alone is forgotten: what the service itself has asked is what the next look is about.
      const forget = `SELECT pg_stat_statements_reset(userid, dbid, queryid) FROM pg_stat_statements
        WHERE query LIKE '%FROM pg_attribute AS b WHERE b.attrelid = a.oid%'`;
      await withDatabase(sandbox.postgres.url, (database) => database.query(forget));
    };
  },
});

function describe({ text, calls, pages, totalMs }: StatementCount, namedBy: string | null): Ran {
  return {
    text: text.replace(/\s+/g, ' ').trim().slice(0, shownCharacters),
    calls,
    pagesPerCall: Math.round(pages / Math.max(calls, 1)),
    meanMs: Math.round((totalMs / Math.max(calls, 1)) * 100) / 100,
    namedBy,
  };
}

function sample(slow: Ran[]): Facts {
  return { mostPages: 500, statements: 30, slow, unnamed: [] };
}
