import { withDatabase } from '../../io/database.ts';
import type { Undo } from '../../sandbox/sandbox.ts';

const body = /(AS (\$\w*\$))[\s\S]*(\2)/;

/** For sabotage: the function lets everybody pass. @throws when it is not one in PL/pgSQL that returns nothing. */
export async function withoutFence(databaseUrl: string, fence: string): Promise<Undo> {
  const definition = await withDatabase(databaseUrl, async (database) => {
    const [row] = await database.query('SELECT pg_get_functiondef($1::regprocedure) AS definition', [fence]);
    return row?.definition ?? '';
  });
  if (!/RETURNS void/.test(definition) || !/LANGUAGE plpgsql/.test(definition))
    throw new Error(`${fence} is no function in PL/pgSQL that returns nothing: there is no telling how to let pass`);
  const open = definition.replace(body, '$1 BEGIN END $3');
  await withDatabase(databaseUrl, (database) => database.query(open));
  return async () => void (await withDatabase(databaseUrl, (database) => database.query(definition)));
}
