import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

/** Applies what is missing, or reverts the newest: `up [COUNT]`, `down COUNT`. One transaction each, one runner at a time. */
const directory = join(import.meta.dirname, '..', 'migrations');
const everything = 1_000;

async function migrate(way: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  try {
    await client.query("SELECT pg_advisory_lock(hashtext('todo.migrations'))");
    await client.query('CREATE TABLE IF NOT EXISTS public.applied_migrations (name text PRIMARY KEY)');
    const { rows } = await client.query<{ name: string }>('SELECT name FROM public.applied_migrations');
    const applied = new Set(rows.map(({ name }) => name));
    const files = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
    const missing = files.filter((name) => !applied.has(name));
    const todo = way === 'up' ? missing : files.filter((name) => applied.has(name)).reverse();
    for (const name of todo.slice(0, count)) await step(client, way, name);
  } finally {
    await client.end();
  }
}

async function step(client: pg.Client, way: string, name: string): Promise<void> {
  const [, up = '', down = ''] = (await readFile(join(directory, name), 'utf8')).split(/^-- (?:up|down)$/m);
  const book =
    way === 'up'
      ? 'INSERT INTO public.applied_migrations (name) VALUES ($1)'
      : 'DELETE FROM public.applied_migrations WHERE name = $1';
  await client.query('BEGIN');
  await client.query(way === 'up' ? up : down);
  await client.query(book, [name]);
  await client.query('COMMIT');
}

const [way = '', count = String(everything)] = process.argv.slice(2);
if (way !== 'up' && way !== 'down') throw new Error('usage: node src/migrate.ts up|down [COUNT]');
await migrate(way, Number(count));
