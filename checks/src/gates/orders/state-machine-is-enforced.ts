import pg from 'pg';
import { partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type Database, withDatabase } from '../../io/database.ts';

/** One try of raw SQL, as the service's own role; it was rolled back. `refusal` null: the database took it. */
interface Try {
  /** Null: it begins there. */
  from: string | null;
  to: string;
  listed: boolean;
  refusal: string | null;
}

interface Facts {
  /** Moves that the table of the database lists. */
  listed: number;
  tries: Try[];
  /** A listed move that leaves no event behind, at the end of its transaction; null when none is asked for. */
  withoutEvent: 'refused' | 'taken' | null;
}

/** Class 23 and what a trigger raises: the database understood, and says no. Anything else is no answer. */
const refusalCodes = /^(23...|P0001)$/;

export default defineGate<Facts>({
  id: 'orders/state-machine-is-enforced',
  severity: 'blocker',
  profile: 'commit',
  needs: ['database', 'config:stateMachine'],
  covers: ['orders.state-machine'],
  unit: 'moves tried',
  why: 'A state machine that lives in code alone is as strong as the last script that somebody ran by hand: one UPDATE brings a canceled order back to life.',
  fix: 'Refuse in a trigger every move that the table of transitions does not list, and every change that leaves no event.',
  source: 'https://www.postgresql.org/docs/current/plpgsql-trigger.html',

  async observe({ config, target }) {
    const machine = partOf(config, 'stateMachine');
    const facts = await withDatabase(target.serviceDatabaseUrl, async (database) => {
      const listed = new Set(
        (await database.query(`SELECT * FROM (${machine.transitions}) AS listed (a, b)`)).map((row) =>
          move(row.a, row.b),
        ),
      );
      if (listed.size === 0) throw new Error('the table of transitions is empty: nothing says what is allowed');
      const tries = await tryBeginnings(database, machine);
      for (const [state, path] of paths(machine, listed))
        tries.push(...(await tryMoves(database, machine, listed, state, path)));
      const withoutEvent = machine.eventRequired ? await endWithoutEvent(database, machine) : null;
      return { listed: listed.size, tries, withoutEvent };
    });
    return { examined: facts.tries.length, facts };
  },

  judge({ tries, withoutEvent }) {
    const findings: Finding[] = tries.flatMap((each) => {
      const told = each.from === null ? `beginning as ${each.to}` : `${each.from} → ${each.to}`;
      if (each.listed && each.refusal !== null)
        return [
          {
            message: `${told} is listed, and the database refuses it: ${each.refusal}`,
            identity: told,
            fix: 'Take it out of the table of transitions, or let the trigger and the CHECKs take it.',
          },
        ];
      return !each.listed && each.refusal === null
        ? [{ message: `${told} is not listed, and the database takes it`, identity: told }]
        : [];
    });
    if (withoutEvent === 'taken')
      findings.push({
        message: 'a state can be changed without an event: the history of an order need not tell how it got there',
        fix: 'Tie the state to its event with a deferred foreign key from the row to (id, version, state) of its events.',
      });
    return findings;
  },

  samples: {
    good: [
      facts([]),
      facts([{ from: 'OPEN', to: 'PENDING', listed: false, refusal: 'OPEN cannot become PENDING' }]),
      { ...facts([]), withoutEvent: null },
    ],
    bad: [
      facts([{ from: 'CANCELED', to: 'OPEN', listed: false, refusal: null }]),
      facts([{ from: null, to: 'FILLED', listed: false, refusal: null }]),
      facts([{ from: 'OPEN', to: 'EXPIRED', listed: true, refusal: 'violates check constraint' }]),
      { ...facts([]), withoutEvent: 'taken' },
    ],
  },

  /** What a hurried repair does, and forgets to undo. */
  async sabotage(sandbox) {
    const { table } = partOf(sandbox.config, 'stateMachine');
    const run = (sql: string) => withDatabase(sandbox.databaseUrl, (database) => database.query(sql));
    await run(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
    return async () => {
      await run(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
    };
  },
});

type Machine = ReturnType<typeof partOf<'stateMachine'>>;

const move = (from: string | null | undefined, to: string | null | undefined): string => `${from}>${to}`;

/** The shortest way to each state from where something may begin. @throws when the listed moves do not lead to a state. */
function paths(machine: Machine, listed: ReadonlySet<string>): Map<string, string[]> {
  const found = new Map(machine.initial.map((state) => [state, [state]]));
  for (const [from, path] of found) {
    for (const to of machine.states) {
      // A map hands out what is added while it is read: that is the search.
      if (listed.has(move(from, to)) && !found.has(to)) found.set(to, [...path, to]);
    }
  }
  const lost = machine.states.filter((state) => !found.has(state));
  if (lost.length > 0) throw new Error(`the listed moves never lead to ${lost.join(', ')}`);
  return found;
}

async function tryBeginnings(database: Database, machine: Machine): Promise<Try[]> {
  const tries: Try[] = [];
  for (const to of machine.states) {
    const refusal = await rolledBack(database, () => attempt(database, () => database.query(machine.begin, [to])));
    tries.push({ from: null, to, listed: machine.initial.includes(to), refusal });
  }
  return tries;
}

/** Walks to the state by moves that are listed, and tries every move from there. */
function tryMoves(
  database: Database,
  machine: Machine,
  listed: ReadonlySet<string>,
  from: string,
  path: readonly string[],
): Promise<Try[]> {
  return rolledBack(database, async () => {
    const id = await walk(database, machine, path);
    const tries: Try[] = [];
    for (const to of machine.states) {
      const refusal = await attempt(database, () => changeOne(database, machine, id, to));
      tries.push({ from, to, listed: listed.has(move(from, to)), refusal });
    }
    return tries;
  });
}

async function walk(database: Database, machine: Machine, path: readonly string[]): Promise<string> {
  const [first, ...rest] = path;
  const [row] = await database.query(machine.begin, [first]);
  const id = Object.values(row ?? {})[0];
  if (!id) throw new Error('`begin` returned no id');
  for (const state of rest) await changeOne(database, machine, id, state);
  return id;
}

/** A change of no row is neither taken nor refused. */
async function changeOne(database: Database, machine: Machine, id: string, to: string): Promise<void> {
  const changed = await database.query(`${machine.move} RETURNING 1 AS changed`, [id, to]);
  if (changed.length !== 1) throw new Error(`\`move\` changed ${changed.length} rows`);
}

async function endWithoutEvent(database: Database, machine: Machine): Promise<'refused' | 'taken'> {
  return rolledBack(database, async () => {
    await walk(database, machine, machine.initial.slice(0, 1));
    const refusal = await attempt(database, () => database.query('SET CONSTRAINTS ALL IMMEDIATE'));
    return refusal === null ? 'taken' : 'refused';
  });
}

async function rolledBack<T>(database: Database, work: () => Promise<T>): Promise<T> {
  await database.query('BEGIN');
  try {
    return await work();
  } finally {
    await database.query('ROLLBACK');
  }
}

/** What it was refused with, or null; nothing of it stays either way. @throws what is no refusal. */
async function attempt(database: Database, work: () => Promise<unknown>): Promise<string | null> {
  await database.query('SAVEPOINT attempt');
  try {
    await work();
    return null;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || !refusalCodes.test(error.code ?? '')) throw error;
    return error.message;
  } finally {
    await database.query('ROLLBACK TO SAVEPOINT attempt');
  }
}

function facts(more: Try[]): Facts {
  return {
    listed: 1,
    tries: [
      { from: null, to: 'OPEN', listed: true, refusal: null },
      { from: 'OPEN', to: 'FILLED', listed: true, refusal: null },
      ...more,
    ],
    withoutEvent: 'refused',
  };
}
