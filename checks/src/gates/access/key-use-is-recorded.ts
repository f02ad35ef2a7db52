import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { withDatabase } from '../../io/database.ts';
import { send } from '../../io/http.ts';

interface Use {
  /** Whose key it was. */
  key: string;
  status: number;
  /** How long before the request the recorded time lies, in seconds; negative when after. Null: nothing is recorded. */
  lagSeconds: number | null;
}

interface Facts {
  uses: Use[];
  withinSeconds: number;
}

const recordedWithinMs = 2_000;
/** Two clocks on one machine. */
const clockSeconds = 1;

export default defineGate<Facts>({
  id: 'access/key-use-is-recorded',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'database', 'config:keyUse', 'config:access'],
  covers: ['access.keys.use-recorded'],
  unit: 'uses of a key',
  why: 'A key of which nobody knows when it was last used is neither missed when it is stolen nor revoked when it is forgotten.',
  fix: 'Write the time of the last use beside the key, at most once a minute, so that a busy key costs nothing.',
  source: 'https://cheatsheetseries.owasp.org/cheatsheets/Key_Management_Cheat_Sheet.html',

  async observe(context) {
    const { withinSeconds } = partOf(context.config, 'keyUse');
    const { writers, operator } = context.target.credentials;
    const uses = [
      await useOf(context, 'a writer', writers.at(-1) ?? ''),
      await useOf(context, 'the operator', operator),
    ];
    return { examined: uses.length, facts: { uses, withinSeconds } };
  },

  judge: ({ uses, withinSeconds }) =>
    uses.flatMap(({ key, lagSeconds }): Finding[] => {
      const finding = (message: string): Finding[] => [{ message, identity: key }];
      if (lagSeconds === null) return finding(`the key of ${key} was used, and no use is recorded`);
      if (lagSeconds > withinSeconds + clockSeconds) {
        return finding(`the key of ${key} was used, and its last recorded use is ${Math.round(lagSeconds)} s older`);
      }
      return lagSeconds < -recordedWithinMs / 1_000 - clockSeconds
        ? finding(`the recorded use of the key of ${key} lies ahead of its use`)
        : [];
    }),

  samples: {
    good: [facts(0), facts(59)],
    bad: [facts(null), facts(86_400), facts(-600)],
  },

  /** The column is there, and nothing is written into it any more. */
  async sabotage(sandbox) {
    const { table, lastUsed } = partOf(sandbox.config, 'keyUse');
    const run = (sql: string) =>
      withDatabase(sandbox.databaseUrl, async (database) => void (await database.query(sql)));
    await run(`UPDATE ${table} SET ${lastUsed} = NULL`);
    await run(`
      CREATE FUNCTION public.preflight_forget_use() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.${lastUsed} := OLD.${lastUsed}; RETURN NEW; END $$;
      CREATE TRIGGER preflight_forget_use BEFORE UPDATE ON ${table}
        FOR EACH ROW EXECUTE FUNCTION public.preflight_forget_use()`);
    return () => run('DROP FUNCTION public.preflight_forget_use() CASCADE');
  },
});

async function useOf(context: Context, whose: string, key: string): Promise<Use> {
  const { config, target, signal } = context;
  const usedAt = await now(context);
  const path = partOf(config, 'access').read;
  const { status } = await send(target.url, { method: 'GET', path }, { key, signal });
  const { table, row, lastUsed } = partOf(config, 'keyUse');
  const sql = `SELECT extract(epoch FROM ${lastUsed}) AS at FROM ${table} WHERE ${row}`;
  const deadline = performance.now() + recordedWithinMs;
  for (;;) {
    const [found] = await withDatabase(target.databaseUrl, (database) => database.query(sql, [key]));
    if (!found) throw new Error(`${table} has no row of the key of ${whose}`);
    if (found.at !== null && found.at !== undefined)
      return { key: whose, status, lagSeconds: usedAt - Number(found.at) };
    // It may be written after the answer.
    if (performance.now() > deadline) return { key: whose, status, lagSeconds: null };
  }
}

/** By the database's clock, which is the one that is written with. */
async function now({ target }: Context): Promise<number> {
  const sql = 'SELECT extract(epoch FROM clock_timestamp()) AS at';
  const [row] = await withDatabase(target.databaseUrl, (database) => database.query(sql));
  return Number(row?.at);
}

function facts(lagSeconds: number | null): Facts {
  return { uses: [{ key: 'a writer', status: 200, lagSeconds }], withinSeconds: 60 };
}
