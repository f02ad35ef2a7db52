import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';
import { type Hostile, hostileRequests, injectedTable } from './support/hostile.ts';
import { readApi } from './support/operations.ts';
import { sideBySide } from './support/side-by-side.ts';

/** Answers that are alike: many requests, one line. */
interface Group {
  operation: string;
  /** The document's schema does not allow what was sent. */
  forbidden: boolean;
  /** Null: there was no answer. */
  status: number | null;
  count: number;
  /** Of what was sent, the first few. */
  examples: string[];
}

interface Facts {
  groups: Group[];
  /** A statement that was sent as a value has run. */
  injected: boolean;
  /** Requests that the keys at hand did not get past authorization with: they say nothing of the input. */
  turnedAway: number;
}

const atOnce = 8;
const answerWithinMs = 5_000;
const examplesKept = 3;
/** Not known, or not allowed: the answer is about the key. */
const aboutTheKey = new Set([401, 403]);

export default defineGate<Facts>({
  id: 'http/hostile-input-is-refused',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'config:write'],
  covers: ['http.input-validated', 'http.sql-injection', 'http.json-validated'],
  unit: 'hostile requests',
  why: 'What a client may send is decided by whoever attacks it: one field that is stored or run unread is enough, and each 500 shows where to dig.',
  fix: 'Parse the input against a closed schema before anything else looks at it, answer 400 or 422, and give SQL its values as parameters.',
  source: 'https://cheatsheetseries.owasp.org/cheatsheets/Input_Validation_Cheat_Sheet.html',
  timeoutMs: 60_000,

  async observe(context) {
    const requests = hostileRequests(await readApi(context), context.config);
    const keyOf = keyFinder(context);
    const statuses = await sideBySide(requests, atOnce, async (each) => statusOf(context, each, await keyOf(each)));
    const answered = requests.map((each, index) => ({ ...each, status: statuses[index] ?? null }));
    const heard = answered.filter(({ status }) => status === null || !aboutTheKey.has(status));
    const facts = {
      groups: grouped(heard),
      injected: await hasRun(context),
      turnedAway: requests.length - heard.length,
    };
    return { examined: heard.length, facts };
  },

  judge: ({ groups, injected }) => [
    ...groups.flatMap(judgeGroup),
    ...(injected
      ? [{ message: 'a statement that was sent as a value has run in the database', identity: 'injected' }]
      : []),
  ],

  samples: {
    good: [facts({}), facts({ forbidden: false, status: 201 }), facts({ forbidden: false, status: 422 })],
    bad: [
      facts({ status: 500 }),
      facts({ forbidden: false, status: 500 }),
      facts({ status: null }),
      facts({ status: 201 }),
      facts({ status: 302 }),
      { ...facts({}), injected: true },
    ],
  },

  /** Something in between means well: where the write's body cannot be taken, it sends one that can. */
  async sabotage(sandbox) {
    const { method, path, body } = partOf(sandbox.config, 'write').request;
    return sandbox.intercept(async (request, forward) => {
      const answer = await forward(request);
      const isWrite = request.method === method && request.path === path;
      if (!isWrite || (answer.status !== 400 && answer.status !== 422)) return answer;
      return forward({ ...request, body: Buffer.from(JSON.stringify(body)) });
    });
  },
});

/** Of the keys at hand, the first that is not turned away: a writer's, or the operator's. Asked once for each operation. */
function keyFinder(context: Context): (each: Hostile) => Promise<string> {
  const { writers, operator } = context.target.credentials;
  const known = new Map<string, Promise<string>>();
  const find = async (each: Hostile) => {
    const status = await statusOf(context, each, writers[0] ?? '');
    return status !== null && aboutTheKey.has(status) ? operator : (writers[0] ?? '');
  };
  return (each) => {
    const { name } = each.operation;
    const key = known.get(name) ?? find(each);
    known.set(name, key);
    return key;
  };
}

async function statusOf(context: Context, { request, headers }: Hostile, key: string): Promise<number | null> {
  try {
    const options = { key, headers, signal: context.signal, timeoutMs: answerWithinMs };
    return (await send(context.target.url, request, options)).status;
  } catch {
    // No answer in time, or a connection that was cut: a fact for the judge.
    return null;
  }
}

async function hasRun({ target }: Context): Promise<boolean> {
  const sql = 'SELECT 1 FROM pg_class WHERE relname = $1';
  return (await withDatabase(target.databaseUrl, (database) => database.query(sql, [injectedTable]))).length > 0;
}

function grouped(answered: readonly (Hostile & { status: number | null })[]): Group[] {
  const alike = Map.groupBy(answered, ({ operation, forbidden, status }) => `${operation.name} ${forbidden} ${status}`);
  return [...alike.values()].flatMap((all) => {
    const [first] = all;
    if (!first) return [];
    const { operation, forbidden, status } = first;
    const examples = all.slice(0, examplesKept).map(({ what }) => what);
    return [{ operation: operation.name, forbidden, status, count: all.length, examples }];
  });
}

function judgeGroup({ operation, forbidden, status, count, examples }: Group): Finding[] {
  const shown = `${count} of the hostile requests (${examples.join(' | ')})`;
  const finding = (what: string, message: string): Finding[] => [{ message, identity: `${operation} ${what}` }];
  if (status === null) return finding('silent', `${operation} did not answer ${shown}`);
  if (status >= 500) return finding(String(status), `${operation} answered ${status} to ${shown}`);
  if (!forbidden || status >= 400) return [];
  return finding('accepted', `${operation} answered ${status} to ${shown}, which its schema does not allow`);
}

function facts(change: Partial<Group>): Facts {
  const group: Group = {
    operation: 'POST /orders',
    forbidden: true,
    status: 400,
    count: 2,
    examples: ['body: {'],
    ...change,
  };
  return { groups: [group], injected: false, turnedAway: 0 };
}
