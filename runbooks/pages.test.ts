import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../service/test/support/database.ts';

const HERE = import.meta.dirname;
const pages = readdirSync(HERE).filter((name) => name.endsWith('.md'));
const hasPsql = spawnSync('psql', ['--version']).status === 0;
/** A statement on the command line, or up to the end of its here-document. */
const STATEMENT = /psql "\$DATABASE_URL" (?:-c (?:"(?:[^"\\]|\\.)*"|'[^']*')|<<'SQL'\n[\s\S]*?\n *SQL$)/gm;
const BLOCK = /^( *)```bash\n([\s\S]*?)^ *```$/gm;

/** Every statement that a page has in a block of commands, without the indentation of its list. */
function statementsOf(text: string): string[] {
  const blocks = [...text.matchAll(BLOCK)].map(([, indent = '', body = '']) =>
    body
      .split('\n')
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
      .join('\n'),
  );
  return blocks.flatMap((block) => block.match(STATEMENT) ?? []);
}

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const found = pages.flatMap((page) =>
  statementsOf(readFileSync(join(HERE, page), 'utf8')).map((statement) => ({ page, statement })),
);

test('there are statements to try', () => expect(found.length).toBeGreaterThan(25));

test.skipIf(!hasPsql).each(found)('$page: $statement', ({ statement }) => {
  const env = { ...process.env, DATABASE_URL: db.url, PGOPTIONS: '-c default_transaction_read_only=on', PAGER: '' };
  const { status, stderr } = spawnSync('bash', ['-c', statement], { env, encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test.each(pages)('%s leads to pages that are there', (page) => {
  const links = [...readFileSync(join(HERE, page), 'utf8').matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => path);
  expect(links.filter((path) => !existsSync(join(HERE, path)))).toEqual([]);
});
