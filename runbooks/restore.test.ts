import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withDatabase } from '../checks/src/io/database.ts';
import { type SandboxBackups, startBackups } from '../checks/src/sandbox/backups.ts';
import { settings, startCluster } from '../checks/src/sandbox/postgres.ts';
import { freePorts } from '../checks/src/sandbox/server.ts';
import { startThrowawayPostgres, type ThrowawayPostgres, tools } from '../checks/test/support/throwaway-postgres.ts';
import { runScript } from './test-support/run-script.ts';

const hasPgbackrest = tools.find('pgbackrest') !== undefined;
const withinMs = 60_000;
const POINT = 'before_the_mistake';

let postgres: ThrowawayPostgres;
let backups: SandboxBackups;

/** Three rows: one in the backup, one after it and before the restore point, one after both. */
beforeAll(async () => {
  if (!hasPgbackrest) return;
  postgres = await startThrowawayPostgres();
  backups = await startBackups({ directory: postgres.directory, postgres, tools, locations: 1 });
  await sql("CREATE TABLE rows (name text); INSERT INTO rows VALUES ('in the backup')");
  await backups.run('--type=full', 'backup');
  await sql("INSERT INTO rows VALUES ('after it')");
  await sql(`SELECT pg_create_restore_point('${POINT}')`);
  await sql("INSERT INTO rows VALUES ('the mistake')");
  await backups.archive();
  await backups.pause();
}, withinMs);
afterAll(async () => postgres?.close());

const sql = (statement: string) => withDatabase(postgres.url, (database) => database.query(statement));
const environment = () => ({ PGBACKREST_CONFIG: backups.configFile, PGBACKREST_STANZA: backups.stanza });
const placeFor = (name: string) => join(postgres.directory, name);

/** What the page of a restore has to type for a script, without its name and with another directory. */
function fromThePage(script: string, directory: string): string[] {
  const page = readFileSync(join(import.meta.dirname, 'DatabaseRestore.md'), 'utf8');
  const command = new RegExp(`^ *${script} (--to .*)$`, 'm').exec(page)?.[1] ?? '';
  const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain = '']) => quoted ?? plain);
  return words.map((word, index) => (words[index - 1] === '--to' ? directory : word));
}

/** Starts what a script has restored, and reads its rows. */
async function rowsIn(dataDirectory: string): Promise<(string | null | undefined)[]> {
  const [port = 0] = await freePorts(1);
  const { directory, identity } = postgres;
  const own = { ...settings, hot_standby: 'off' };
  const server = await startCluster({ directory, dataDirectory, name: 'copy', settings: own, identity, port }, tools);
  try {
    const rows = await withDatabase(server.url, (database) => database.query('SELECT name FROM rows ORDER BY ctid'));
    return rows.map(({ name }) => name);
  } finally {
    await server.stop('fast');
  }
}

describe.skipIf(!hasPgbackrest)('restored from a real repository', () => {
  test('restore-backup brings back all that was archived, and overwrites only what it is told to', async () => {
    const to = placeFor('restored');
    const first = await runScript('restore-backup', ['--to', to], { env: environment() });
    expect(first).toMatchObject({ code: 0 });
    expect(first.stdout).toMatch(/^Space: \d+ MB are needed, \d+ MB are free/);
    expect(first.stdout).toContain(`Restored into ${to}.`);
    expect(await rowsIn(to)).toEqual(['in the backup', 'after it', 'the mistake']);

    const again = await runScript('restore-backup', ['--to', to], { env: environment() });
    expect(again.code).toBe(4);
    expect(again.stderr).toContain('not confirmed');
    const refused = await runScript('restore-backup', ['--to', to], { env: environment(), typed: 'yes\n' });
    expect(refused.code).toBe(4);
    const confirmed = await runScript('restore-backup', ['--to', to], { env: environment(), typed: 'overwrite\n' });
    expect(confirmed.code).toBe(0);
    expect(await rowsIn(to)).toEqual(['in the backup', 'after it', 'the mistake']);
  }, 60_000);

  test('point-in-time-restore ends before the mistake', async () => {
    const to = placeFor('before');
    const { code, stdout } = await runScript('point-in-time-restore', ['--to', to, '--name', POINT], {
      env: environment(),
    });
    expect(code).toBe(0);
    expect(stdout).toContain('It archives nothing');
    expect(await rowsIn(to)).toEqual(['in the backup', 'after it']);
  }, 60_000);

  test('a moment that never was is refused when the copy is started', async () => {
    const to = placeFor('never');
    expect(
      (await runScript('point-in-time-restore', ['--to', to, '--name', 'never'], { env: environment() })).code,
    ).toBe(0);
    await expect(rowsIn(to)).rejects.toThrow('recovery ended before configured recovery target was reached');
  }, 60_000);

  test('the page of a restore types what restores', async () => {
    const to = placeFor('as-the-page-says');
    const restore = await runScript('restore-backup', fromThePage('restore-backup', to), { env: environment() });
    expect(restore).toMatchObject({ code: 0, stdout: expect.stringContaining(`Restored into ${to}.`) });
    const before = fromThePage('point-in-time-restore', placeFor('before-as-the-page-says'));
    expect(before.at(-2)).toBe('--time');
    const moment = await sql("SELECT to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US+00') AS now");
    const words = [...before.slice(0, -1), moment[0]?.now ?? ''];
    expect(await runScript('point-in-time-restore', words, { env: environment() })).toMatchObject({ code: 0 });
  }, 60_000);

  test('what cannot be restored is refused before anything is touched', async () => {
    const env = environment();
    const running = await runScript('restore-backup', ['--to', postgres.dataDirectory, '--yes'], { env });
    expect(running.code).toBe(1);
    expect(running.stderr).toContain(`a cluster runs in ${postgres.dataDirectory}`);

    const full = placeFor('full');
    mkdirSync(full);
    writeFileSync(join(full, 'letter.txt'), 'somebody else needs this');
    const foreign = await runScript('restore-backup', ['--to', full, '--yes'], { env });
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toContain('is not empty, and holds no cluster');

    const unknown = await runScript('restore-backup', ['--to', placeFor('x'), '--set', '20260615-020000F'], { env });
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('no repository has a backup 20260615-020000F');
  });

  test('a file system without room for the copy is refused', async () => {
    const pathFirst = placeFor('programs');
    mkdirSync(pathFirst);
    writeFileSync(join(pathFirst, 'df'), '#!/bin/sh\necho Avail\necho 1000000\n');
    chmodSync(join(pathFirst, 'df'), 0o755);
    const { code, stderr } = await runScript('restore-backup', ['--to', placeFor('y')], {
      env: environment(),
      pathFirst,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/1 MB are free at .*, and \d+ MB are needed/);
  });

  test('a repository that cannot be read is told apart from a refusal', async () => {
    const env = { ...environment(), PGBACKREST_CONFIG: '/nonexistent/pgbackrest.conf' };
    const { code, stderr } = await runScript('restore-backup', ['--to', placeFor('z')], { env });
    expect(code).toBe(3);
    expect(stderr).toContain('the repository cannot be read');
  });
});

test.each([
  ['restore-backup', [], '--to is required: where does the copy go?'],
  ['restore-backup', ['--to', 'restored'], '--to is an absolute directory, not restored'],
  ['restore-backup', ['--to', '/'], '--to is an absolute directory, not /'],
  ['restore-backup', ['--to', '/etc/hostname'], '--to names a file: /etc/hostname'],
  ['restore-backup', ['--set', 'latest'], 'a label looks like 20260615-020000F, not latest'],
  ['restore-backup', ['--force'], 'unknown argument: --force'],
  ['point-in-time-restore', ['--to', '/x'], 'which moment? --time, --name, --xid, --lsn or --immediate is missing'],
  ['point-in-time-restore', ['--immediate'], '--to is required: where does the copy go?'],
  ['point-in-time-restore', ['--xid', '7', '--lsn', '0/7'], 'name one moment only'],
  ['point-in-time-restore', ['--xid', 'seven'], '--xid is a number, not seven'],
  ['point-in-time-restore', ['--lsn', '07'], '--lsn is like 0/3073730, not 07'],
  ['point-in-time-restore', ['--time', 'noon'], "--time is like '2026-06-15 14:03:22.5+00', with its zone, not noon"],
  [
    'point-in-time-restore',
    ['--time', '2026-06-15 14:03:22'],
    "--time is like '2026-06-15 14:03:22.5+00', with its zone, not 2026-06-15 14:03:22",
  ],
  ['point-in-time-restore', ['--name', 'n', '--before'], '--before goes with --time, --xid or --lsn'],
])('%s %j is wrong usage', async (script, args, message) => {
  const { code, stdout, stderr } = await runScript(script, args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(`${script}: ${message}\n${script}: see ${script} --help\n`);
});
