import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import foreignKeysAreIndexed from '../src/gates/database/foreign-keys-are-indexed.ts';
import { type ForeignKey, readForeignKeys } from '../src/gates/database/support/foreign-keys.ts';
import { readContents, readRepeatableContents } from '../src/gates/database/support/table-content.ts';
import { withDatabase } from '../src/io/database.ts';
import { startThrowawayPostgres, type ThrowawayPostgres } from './support/throwaway-postgres.ts';

let postgres: ThrowawayPostgres;

beforeAll(async () => {
  postgres = await startThrowawayPostgres();
});
afterAll(() => postgres.close());

const parents = `CREATE SCHEMA shop;
  CREATE TABLE shop.parents (id integer PRIMARY KEY, a integer, b integer, UNIQUE (a, b));
  CREATE TABLE shop.named (name text PRIMARY KEY);`;

/** A child table with one foreign key, and what is said of it. */
async function findingsFor(name: string, sql: string): Promise<{ keys: ForeignKey[]; fixes: (string | undefined)[] }> {
  const url = await postgres.createDatabase(name);
  const keys = await withDatabase(url, async (database) => {
    await database.query(parents + sql);
    return readForeignKeys(database);
  });
  return { keys, fixes: foreignKeysAreIndexed.judge(keys).map(({ fix }) => fix) };
}

const one = 'CREATE TABLE shop.lines (id integer PRIMARY KEY, p integer REFERENCES shop.parents (id), q integer);';
const two = `CREATE TABLE shop.lines (id integer PRIMARY KEY, x integer, y integer, z integer,
  FOREIGN KEY (x, y) REFERENCES shop.parents (a, b));`;
const createOne = 'CREATE INDEX CONCURRENTLY ON shop.lines (p);';
const createTwo = 'CREATE INDEX CONCURRENTLY ON shop.lines (x, y);';

describe('foreign keys that an index covers', () => {
  test.each([
    ['single', `${one} CREATE INDEX ON shop.lines (p)`],
    ['leading', `${one} CREATE INDEX ON shop.lines (p, q)`],
    ['hash', `${one} CREATE INDEX ON shop.lines USING hash (p)`],
    ['composite', `${two} CREATE INDEX ON shop.lines (x, y)`],
    ['another_order', `${two} CREATE INDEX ON shop.lines (y, x, z)`],
    ['unique_subset', `${two} CREATE UNIQUE INDEX ON shop.lines (y)`],
    ['not_null_predicate', `${one} CREATE INDEX ON shop.lines (p) WHERE p IS NOT NULL`],
    ['both_not_null', `${two} CREATE INDEX ON shop.lines (x, y) WHERE x IS NOT NULL AND y IS NOT NULL`],
    [
      'quoted',
      'CREATE TABLE shop."Lines" ("Parent" integer REFERENCES shop.parents (id)); CREATE INDEX ON shop."Lines" ("Parent")',
    ],
    [
      'partitioned',
      `CREATE TABLE shop.lines (id integer, p integer REFERENCES shop.parents (id)) PARTITION BY RANGE (id);
       CREATE TABLE shop.lines_1 PARTITION OF shop.lines FOR VALUES FROM (0) TO (10); CREATE INDEX ON shop.lines (p)`,
    ],
  ])('%s', async (name, sql) => {
    const { keys, fixes } = await findingsFor(`covered_${name}`, sql);
    expect(keys).toHaveLength(1);
    expect(fixes).toEqual([]);
  });
});

describe('foreign keys that none covers', () => {
  test.each([
    ['bare', one, createOne],
    ['second_column', `${one} CREATE INDEX ON shop.lines (q, p)`, createOne],
    ['included_only', `${one} CREATE INDEX ON shop.lines (q) INCLUDE (p)`, createOne],
    ['half', `${two} CREATE INDEX ON shop.lines (x)`, createTwo],
    ['between', `${two} CREATE INDEX ON shop.lines (x, z, y)`, createTwo],
    ['unique_beyond', `${two} CREATE UNIQUE INDEX ON shop.lines (x, z)`, createTwo],
    ['partial', `${one} CREATE INDEX ON shop.lines (p) WHERE q > 0`, createOne],
    ['partial_unique', `${one} CREATE UNIQUE INDEX ON shop.lines (p) WHERE q IS NULL`, createOne],
    ['expression', `${one} CREATE INDEX ON shop.lines ((p + 0), p)`, createOne],
    ['brin', `${one} CREATE INDEX ON shop.lines USING brin (p)`, createOne],
    [
      'collation',
      'CREATE TABLE shop.lines (p text REFERENCES shop.named (name)); CREATE INDEX ON shop.lines (p COLLATE "POSIX")',
      createOne,
    ],
    [
      'quoted',
      'CREATE TABLE shop."Lines" ("Parent" integer REFERENCES shop.parents (id))',
      'CREATE INDEX CONCURRENTLY ON shop."Lines" ("Parent");',
    ],
  ])('%s', async (name, sql, fix) => {
    const { keys, fixes } = await findingsFor(`open_${name}`, sql);
    expect(keys).toHaveLength(1);
    expect(fixes).toEqual([fix]);
  });

  test('an index whose building was cut short', async () => {
    const name = 'open_invalid';
    await findingsFor(name, `${one} INSERT INTO shop.lines (id, q) VALUES (1, 1), (2, 1);`);
    const [keys] = await withDatabase(new URL(name, postgres.url).href, async (database) => {
      const build = 'CREATE UNIQUE INDEX CONCURRENTLY lines_p_idx ON shop.lines (p, (q))';
      await database.query(
        'UPDATE shop.lines SET p = NULL; INSERT INTO shop.parents (id) VALUES (7); UPDATE shop.lines SET p = 7',
      );
      await expect(database.query(build)).rejects.toThrow(/could not create unique index/);
      return [await readForeignKeys(database)];
    });
    const [finding] = foreignKeysAreIndexed.judge(keys);
    expect(finding?.message).toContain('shop.lines_p_idx would, and it is INVALID');
    expect(finding?.fix).toBe('REINDEX INDEX CONCURRENTLY shop.lines_p_idx;');
  });

  test('of a partitioned table, with the way that works there', async () => {
    const { fixes } = await findingsFor(
      'open_partitioned',
      `CREATE TABLE shop.lines (id integer, p integer REFERENCES shop.parents (id)) PARTITION BY RANGE (id);
       CREATE TABLE shop.lines_1 PARTITION OF shop.lines FOR VALUES FROM (0) TO (10); CREATE INDEX ON shop.lines_1 (p)`,
    );
    expect(fixes).toEqual([expect.stringMatching(/^CREATE INDEX ON ONLY shop\.lines \(p\);/)]);
  });

  test('but not of temporary tables', async () => {
    const { keys } = await findingsFor(
      'temporary',
      'CREATE TEMP TABLE p (id int PRIMARY KEY); CREATE TEMP TABLE c (p int REFERENCES p)',
    );
    expect(keys).toEqual([]);
  });
});

describe('the content of tables', () => {
  const read = async (url: string, sql: string) =>
    withDatabase(url, async (database) => {
      await database.query(sql);
      return (await readContents(database))['shop.named'];
    });

  test('depends on every row and every value, and not on their order', async () => {
    const url = await postgres.createDatabase('contents');
    const first = await read(url, `${parents} INSERT INTO shop.named VALUES ('a'), ('b')`);
    const turned = await read(url, "DELETE FROM shop.named; INSERT INTO shop.named VALUES ('b'), ('a')");
    const changed = await read(url, "UPDATE shop.named SET name = 'c' WHERE name = 'b'");
    const lost = await read(url, "DELETE FROM shop.named WHERE name = 'c'");
    expect(turned).toEqual(first);
    expect(changed?.rows).toBe(2);
    expect(changed?.hash).not.toBe(first?.hash);
    expect(lost?.rows).toBe(1);
  });

  test('is known of every kind of type, by its bytes or by its text', async () => {
    const url = await postgres.createDatabase('kinds');
    const make = `${parents} CREATE TYPE shop.side AS ENUM ('buy', 'sell'); CREATE TYPE shop.pair AS (a integer, b text);
      CREATE DOMAIN shop.price AS numeric; CREATE TABLE shop.kinds (amount numeric, real double precision, word text,
      side shop.side, pair shop.pair, price shop.price, "many ""of them" shop.side[], rights aclitem[], box box, json json)`;
    await withDatabase(url, (database) => database.query(make));
    const values = (change: Record<number, string> = {}) => {
      const all = [
        '1.0',
        "'0'",
        "''",
        "'buy'",
        "(1, 'x')",
        '1.0',
        "'{buy}'",
        "'{=r/postgres}'",
        "'(1,1),(0,0)'",
        "'{}'",
      ];
      return all.map((value, index) => change[index] ?? value).join(', ');
    };
    const hashOf = (row: string) =>
      withDatabase(url, async (database) => {
        await database.query(`DELETE FROM shop.kinds; INSERT INTO shop.kinds VALUES (${row})`);
        return (await readContents(database))['shop.kinds']?.hash;
      });
    const others = [
      '1.00',
      "'-0'",
      'NULL',
      "'sell'",
      "(1, 'y')",
      '1.00',
      "'{sell}'",
      "'{=w/postgres}'",
      "'(2,1),(0,0)'",
      "'{ }'",
    ];
    const seen = [await hashOf(values())];
    for (const [index, other] of others.entries()) seen.push(await hashOf(values({ [index]: other })));
    expect(await hashOf(values())).toBe(seen[0]);
    expect(new Set(seen).size).toBe(1 + others.length);
  });

  test('that a migration would write again leaves out times, and numbers and ids that are given by default', async () => {
    const url = await postgres.createDatabase('repeatable');
    const seen = await withDatabase(url, async (database) => {
      await database.query(`${parents} CREATE TABLE shop.seeded (id bigint GENERATED ALWAYS AS IDENTITY,
        key uuid DEFAULT gen_random_uuid(), at timestamptz DEFAULT now(), word text DEFAULT 'fine', amount numeric);
        CREATE TABLE public.books (id integer)`);
      const write = async (amount: number) => {
        await database.query('DELETE FROM shop.seeded');
        await database.query('INSERT INTO shop.seeded (amount) VALUES ($1)', [amount]);
        return readRepeatableContents(database, 'public.books');
      };
      return [await write(1), await write(1), await write(2)];
    });
    const [first, again, other] = seen;
    expect(again).toEqual(first);
    expect(other?.['shop.seeded']).not.toEqual(first?.['shop.seeded']);
    expect(Object.keys(first ?? {})).toEqual(['shop.named', 'shop.parents', 'shop.seeded']);
  });
});
