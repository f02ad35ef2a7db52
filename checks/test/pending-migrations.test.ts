import { describe, expect, test } from 'vitest';
import { pendingMigrations } from '../src/gates/database/support/pending-migrations.ts';

const files = ['1_old.sql', '2_role.sql', '3_carts.sql', '4_lines.sql', '5_notes.sql'].map((name) => `m/${name}`);

/** What a deployment may bring, of five files. */
function pending(safeFrom: string, newest: number, long = false) {
  const config = { database: { migrations: 'm/*.sql' }, migrations: { safeFrom, newest } };
  return pendingMigrations({ config, tree: { files: async () => files }, long } as never);
}

describe('the migrations that a deployment may bring', () => {
  test('are the newest', async () => {
    expect(await pending('2_role.sql', 2)).toEqual({ before: files.slice(0, 3), pending: files.slice(3) });
  });
  test('are none from before there was anything to be careful about', async () => {
    expect((await pending('4_lines.sql', 3)).pending).toEqual(files.slice(3));
  });
  test('are all the others with --long', async () => {
    expect((await pending('2_role.sql', 2, true)).pending).toEqual(files.slice(1));
  });
  test('have to be there', async () => {
    await expect(pending('9_later.sql', 2)).rejects.toThrow(/names no file from 9_later\.sql on/);
  });
});
