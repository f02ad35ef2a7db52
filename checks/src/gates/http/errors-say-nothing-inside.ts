import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { startRelay } from '../../sandbox/relay.ts';
import { givenAway } from './support/inside.ts';
import { type ApiDocument, readApi } from './support/operations.ts';
import { ordinaryAnswers, type Seen } from './support/ordinary.ts';

interface ErrorAnswer {
  what: string;
  status: number;
  contentType: string;
  /** What it gives away of the inside, in words. */
  givesAway: string[];
}

interface Facts {
  errors: ErrorAnswer[];
  /** How many of them were given while the database was gone: the errors that nobody wrote by hand. */
  withoutDatabase: number;
}

/** A name that short stands in other words too. */
const shortestName = 6;

export default defineGate<Facts>({
  id: 'http/errors-say-nothing-inside',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:write'],
  covers: ['http.errors-say-nothing'],
  unit: 'error answers',
  why: 'A stack trace, a table’s name or an address in an error is a map for whoever looks for the way in; the client can do nothing with it.',
  fix: 'Answer an unforeseen error with a code and the request’s id alone, and put what happened into the log under that id.',
  source: 'https://cheatsheetseries.owasp.org/cheatsheets/Error_Handling_Cheat_Sheet.html',
  timeoutMs: 60_000,

  async observe(context) {
    const api = await readApi(context);
    const own = await ownNames(context);
    const usual = await ordinaryAnswers(context, api);
    const cutOff = await answersWithoutDatabase(context, api);
    const read = (all: readonly Seen[]) => all.filter(({ status }) => status >= 400).map((each) => lookedAt(each, own));
    const withoutDatabase = read(cutOff);
    if (withoutDatabase.length === 0) throw new Error('no request failed while the database was cut off');
    const errors = [...read(usual), ...withoutDatabase];
    return { examined: errors.length, facts: { errors, withoutDatabase: withoutDatabase.length } };
  },

  judge: ({ errors }) => errors.flatMap(judgeError),

  samples: {
    good: [facts({}), facts({ contentType: 'application/json' })],
    bad: [facts({ givesAway: ['a stack trace (at f (/srv/a.js:1:2)'] }), facts({ contentType: 'text/html' })],
  },

  /** Somebody has left the debugging on: what is wrong comes with where it went wrong. */
  async sabotage(sandbox) {
    return sandbox.intercept(async (request, forward) => {
      const answer = await forward(request);
      if (answer.status < 400) return answer;
      const stack = 'Error: boom\n    at handle (/srv/service/src/orders.js:12:34)';
      return { ...answer, body: Buffer.from(JSON.stringify({ stack })) };
    });
  },
});

/** What only the inside knows: where it stands, and what its tables are called. */
async function ownNames({ target, tree, sandbox }: Context): Promise<string[]> {
  const sql = `SELECT schemaname || '.' || tablename AS name FROM pg_tables
                WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'public')`;
  const tables = await withDatabase(target.databaseUrl, (database) => database.query(sql));
  const names = [tree.root, sandbox.directory, ...tables.map(({ name }) => name ?? '')];
  return names.filter((name) => name.length >= shortestName);
}

/** The same requests to a process of its own, whose way to the database is cut as soon as it stands. */
async function answersWithoutDatabase(context: Context, api: ApiDocument): Promise<Seen[]> {
  const { sandbox } = context;
  const database = new URL(sandbox.databaseUrl);
  const relay = await startRelay({ host: database.hostname, port: Number(database.port) });
  try {
    const replica = await sandbox.startReplica(throughRelay(sandbox.service.environment, database.port, relay.port));
    try {
      const { config, signal } = context;
      const target = { url: replica.url, credentials: sandbox.credentials };
      return await ordinaryAnswers({ config, signal, target }, api, () => relay.cut());
    } finally {
      await replica.close();
    }
  } finally {
    await relay.close();
  }
}

/** Every address of the database in the environment, with the relay's port. @throws when there is none. */
function throughRelay(environment: Readonly<Record<string, string>>, port: string, relay: number) {
  const addresses = Object.entries(environment).filter(
    ([, value]) => URL.canParse(value) && /^postgres/.test(value) && new URL(value).port === port,
  );
  if (addresses.length === 0) throw new Error('no variable of service.environment is the address of the database');
  return Object.fromEntries(
    addresses.map(([name, value]) => {
      const url = new URL(value);
      url.port = String(relay);
      return [name, url.href];
    }),
  );
}

function lookedAt({ what, status, contentType, text }: Seen, own: readonly string[]): ErrorAnswer {
  return { what, status, contentType, givesAway: givenAway(text, own) };
}

function judgeError({ what, status, contentType, givesAway }: ErrorAnswer): Finding[] {
  const at = `the answer ${status} to ${what}`;
  const isPage = /html/.test(contentType);
  return [
    ...givesAway.map((words) => ({
      message: `${at} gives away ${words}`,
      identity: `${what} ${status} ${words.split(' (')[0]}`,
    })),
    ...(isPage
      ? [{ message: `${at} is a page of the framework, no answer of the service`, identity: `${what} page` }]
      : []),
  ];
}

function facts(change: Partial<ErrorAnswer>): Facts {
  const error: ErrorAnswer = {
    ...{ what: 'GET /orders without a key', status: 401, contentType: 'application/problem+json', givesAway: [] },
    ...change,
  };
  return { errors: [error], withoutDatabase: 1 };
}
