import { createHash, randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';

/** Accounts to try the service with. Prints their keys as JSON: they are stored nowhere else. */
const writers = 10;

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();

async function account(role: string): Promise<string> {
  const [id, key] = [randomUUID(), `todo_${randomBytes(32).toString('base64url')}`];
  const digest = createHash('sha256').update(key).digest();
  await client.query('INSERT INTO todo.accounts (id, key_digest, role) VALUES ($1, $2, $3)', [id, digest, role]);
  await client.query('INSERT INTO todo.todos (id, account_id, title) VALUES ($1, $2, $3)', [randomUUID(), id, 'begin']);
  return key;
}

const keys: string[] = [];
for (let made = 0; made < writers; made += 1) keys.push(await account('writer'));
const operator = await account('operator');
await client.end();
process.stdout.write(`${JSON.stringify({ writers: keys, operator })}\n`);
