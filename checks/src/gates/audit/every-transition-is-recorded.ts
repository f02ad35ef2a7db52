import { randomUUID } from 'node:crypto';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { execOrThrow } from '../../io/exec.ts';
import { makeExecutableWrites, untilExecuted } from '../../io/executed-writes.ts';
import { send } from '../../io/http.ts';
import { type InvariantSeen, readInvariants } from '../../io/invariants.ts';
import { attemptWrite } from '../../io/writes.ts';
import { limitedAccount } from '../risk/support/limits.ts';

interface Facts {
  /** Writes that were made for this, of which some were executed. */
  writes: number;
  executed: number;
  /** Those that no event tells of. */
  untold: string[];
  /** What folding the record says, each with the rows that it is about. */
  invariants: InvariantSeen[];
  /** Changes by people: how many rows tell of each, and of how many of them they say who. */
  changes: { name: string; records: number; named: number }[];
}

const writeCount = 5;
const executedCount = 3;
const executedWithinMs = 5_000;
/** A list longer than this says nothing more. */
const shown = 5;

export default defineGate<Facts>({
  id: 'audit/every-transition-is-recorded',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'database', 'sandbox', 'config:audit', 'config:write', 'config:processing'],
  reliesOn: ['quotes'],
  covers: ['audit.executions-recorded', 'audit.records-complete', 'audit.order-events', 'audit.operational'],
  unit: 'records and changes',
  why: 'After a loss the question is who did what, in which order. A record with one gap answers none of it.',
  fix: 'Write the record in the transaction of the change, by a trigger where people change rows by hand, and refuse a change that leaves none.',
  source: 'https://www.law.cornell.edu/cfr/text/17/240.17a-4',

  async observe(context) {
    const { invariants: names } = partOf(context.config, 'audit');
    const wanted = names.map((name) => invariantOf(context.config, name));
    const { ids, executed } = await work(context);
    const changes: Facts['changes'] = [];
    for (const change of partOf(context.config, 'audit').changes)
      changes.push({ name: change.name, ...(await recordsOf(context, change)) });
    const untold = await untoldOf(context, ids);
    const invariants = await withDatabase(context.target.databaseUrl, (database) => readInvariants(database, wanted));
    const examined = invariants.reduce((sum, { looksAt }) => sum + looksAt, changes.length);
    return { examined, facts: { writes: ids.length, executed, untold, invariants, changes } };
  },

  judge({ untold, invariants, changes }) {
    const findings: Finding[] = untold
      .slice(0, shown)
      .map((id) => ({ message: `no event tells of ${id}, which was accepted`, identity: 'no event' }));
    for (const { name, looksAt, violations, examples } of invariants) {
      if (violations > 0)
        findings.push({
          message: `it does not hold that ${name}: ${violations} × ${examples.join('; ')}`,
          identity: name,
        });
      if (looksAt === 0)
        findings.push({
          message: `nothing is recorded of which it could hold that ${name}`,
          identity: `none: ${name}`,
        });
    }
    for (const { name, records, named } of changes) {
      if (records === 0)
        findings.push({ message: `a change of the ${name} left no record`, identity: `change: ${name}` });
      else if (named < records)
        findings.push({ message: `the record of a change of the ${name} does not say who`, identity: `who: ${name}` });
    }
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ untold: ['1'] }),
      facts({ invariants: [{ name: 'a row is what its events say', looksAt: 9, violations: 1, examples: ['(1)'] }] }),
      facts({ invariants: [{ name: 'a row is what its events say', looksAt: 0, violations: 0, examples: [] }] }),
      facts({ changes: [{ name: 'limits', records: 0, named: 0 }] }),
      facts({ changes: [{ name: 'limits', records: 1, named: 0 }] }),
    ],
  },

  /** Somebody found the record in the way, and let nothing more into it. */
  async sabotage({ config, databaseUrl }) {
    const tables = [...new Set(partOf(config, 'audit').changes.map((each) => each.table))];
    await withDatabase(databaseUrl, async (database) => {
      await database.query(`CREATE FUNCTION public.preflight_say_nothing() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RETURN NULL; END $$`);
      for (const table of tables)
        await database.query(`CREATE TRIGGER preflight_say_nothing BEFORE INSERT ON ${table}
          FOR EACH ROW EXECUTE FUNCTION public.preflight_say_nothing()`);
    });
    return async () => {
      await withDatabase(databaseUrl, (database) =>
        database.query('DROP FUNCTION public.preflight_say_nothing() CASCADE'),
      );
    };
  },
});

function invariantOf({ database }: Config, name: string): Config['database']['invariants'][number] {
  const found = database.invariants.find((each) => each.name === name);
  if (!found) throw new Error(`audit.invariants names what is none of database.invariants: ${name}`);
  return found;
}

/** Some writes that rest, and some that are executed. */
async function work(context: Context): Promise<{ ids: string[]; executed: number }> {
  const resting = await Promise.all(
    Array.from({ length: writeCount }, () => attemptWrite(context, { idempotencyKey: randomUUID(), writer: 0 })),
  );
  const ids = resting.flatMap(({ id }) => (id === null ? [] : [id]));
  if (ids.length < writeCount)
    throw new Error(
      `${writeCount - ids.length} of ${writeCount} writes were not accepted: ${resting.map(({ status }) => status ?? 'no answer').join(', ')}`,
    );
  const executable = await makeExecutableWrites(context, executedCount);
  const wrong = await untilExecuted(context, executable, executedWithinMs);
  if (wrong.length > 0) throw new Error(`${wrong.length} of ${executedCount} writes were not executed in time`);
  return { ids: [...ids, ...executable], executed: executable.length };
}

async function untoldOf({ config, target }: Context, ids: readonly string[]): Promise<string[]> {
  const sql = `SELECT DISTINCT id FROM (${partOf(config, 'audit').events}) AS told (id) WHERE id = ANY ($1)`;
  const rows = await withDatabase(target.databaseUrl, (database) => database.query(sql, [ids]));
  const told = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => !told.has(id));
}

type Change = NonNullable<Config['audit']>['changes'][number];

/** Makes the change, and reads what was recorded of it. @throws when it is refused: then there is nothing to record. */
async function recordsOf(context: Context, change: Change): Promise<{ records: number; named: number }> {
  const marker = `preflight-${randomUUID().slice(0, 8)}`;
  const { account } = limitedAccount(context);
  const fill = (text: string) => text.replaceAll('{marker}', marker).replaceAll('{account}', account);
  if (change.request) await ask(context, change.name, JSON.parse(fill(JSON.stringify(change.request))));
  if (change.command) {
    const [program = '', ...args] = change.command.map(fill);
    const env = { PATH: context.tools.environment.PATH, TZ: 'UTC', DATABASE_URL: context.target.databaseUrl };
    await execOrThrow(program, args, { cwd: context.tree.root, env, signal: context.signal });
  }
  const sql = `SELECT by FROM (${change.records}) AS records (about, by) WHERE strpos(about, $1) > 0`;
  const rows = await withDatabase(context.target.databaseUrl, (database) => database.query(sql, [marker]));
  return { records: rows.length, named: rows.filter(({ by }) => (by ?? '').trim() !== '').length };
}

async function ask({ target, signal }: Context, name: string, request: NonNullable<Change['request']>): Promise<void> {
  const { status, text } = await send(target.url, request, { key: target.credentials.operator, signal });
  if (status < 200 || status > 299)
    throw new Error(`a change of the ${name} was answered ${status}: ${text.slice(0, 200)}`);
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ writes: 8, executed: 3, untold: [] },
    invariants: [{ name: 'a row is what its events say', looksAt: 9, violations: 0, examples: [] }],
    changes: [{ name: 'limits', records: 1, named: 1 }],
    ...change,
  };
}
