import { randomUUID } from 'node:crypto';
import { type Config, partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';
import { type ApiDocument, readApi } from './support/operations.ts';

type List = NonNullable<Config['lists']>[number];

interface Paged {
  path: string;
  most: number;
  /** Entries of the page that came unasked, and of the one that was asked to have more than `most`; null: it was refused. */
  unasked: number;
  asked: number | null;
  pages: number;
  /** Entries of the largest page while walking, and how many were asked for. */
  largest: number;
  limit: number;
  /** Ids that came twice in one walk. */
  repeated: number;
  /** Of the entries that were there before the walk, how many it did not come to; null where none are made here. */
  skipped: number | null;
  /** A page named itself, or a cursor that was given out was refused. */
  broken: string | null;
}

interface Facts {
  lists: Paged[];
  /** Operations that take a cursor, by the document, and that the configuration does not name. */
  unnamed: string[];
}

/** Made before the walk, and between each two of its pages. */
const madeBefore = 12;
const walkLimit = 3;
/** Past this many pages a walk has found what it was about. */
const mostPages = 12;

export default defineGate<Facts>({
  id: 'http/lists-are-paged',
  severity: 'warning',
  profile: 'commit',
  needs: ['service', 'config:lists', 'config:write'],
  covers: ['http.pagination'],
  unit: 'pages',
  why: 'A list without a bound grows until it is an outage; one that is paged by an offset repeats and skips entries while others are made.',
  fix: 'Page by a cursor over a unique order (created_at, id), with a limit that the service sets a bound to.',
  source: 'https://use-the-index-luke.com/no-offset',

  async observe(context) {
    const lists: Paged[] = [];
    for (const list of partOf(context.config, 'lists')) lists.push(await walk(context, list));
    const unnamed = await unnamedLists(context, await readApi(context));
    const examined = lists.reduce((sum, { pages }) => sum + pages, 0);
    return { examined, facts: { lists, unnamed } };
  },

  judge: ({ lists, unnamed }) => [
    ...lists.flatMap(judgeList),
    ...unnamed.map((operation) => ({
      message: `${operation} takes a cursor, and nobody has looked at its pages`,
      identity: operation,
      fix: 'Name the list in `lists` of preflight.config.ts.',
    })),
  ],

  samples: {
    good: [facts({}), facts({ asked: 100, skipped: null })],
    bad: [
      facts({ unasked: 101 }),
      facts({ asked: 101 }),
      facts({ largest: 4 }),
      facts({ repeated: 1 }),
      facts({ skipped: 1 }),
      facts({ broken: 'page 2 answered 400' }),
      { ...facts({}), unnamed: ['GET /fills'] },
    ],
  },

  /** The cursor is an offset, after all: what was made meanwhile moves the rest, and an entry comes twice. */
  async sabotage(sandbox) {
    const names = new Map(partOf(sandbox.config, 'lists').map((list) => [list.path, list]));
    const last = new Map<string, unknown>();
    return sandbox.intercept(async (request, forward) => {
      const answer = await forward(request);
      const url = new URL(request.path, 'http://service');
      const list = names.get(url.pathname);
      if (!list?.holdsWrites || request.method !== 'GET' || answer.status !== 200) return answer;
      const body = JSON.parse(answer.body.toString('utf8')) as Record<string, unknown[]>;
      const items = body[list.items] ?? [];
      const before = url.searchParams.has(list.cursor) ? last.get(list.path) : undefined;
      last.set(list.path, items.at(-1));
      const shifted = before === undefined ? items : [before, ...items.slice(1)];
      return { ...answer, body: Buffer.from(JSON.stringify({ ...body, [list.items]: shifted })) };
    });
  },
});

async function walk(context: Context, list: List): Promise<Paged> {
  const made = list.holdsWrites ? await makeWrites(context, madeBefore) : [];
  const unasked = (await page(context, list, {})).ids.length;
  const more = await page(context, list, { [list.limit]: String(list.most + 1) });
  const seen: string[] = [];
  let [pages, largest, cursor, broken]: [number, number, string | null, string | null] = [0, 0, null, null];
  do {
    const query = { [list.limit]: String(walkLimit), ...(cursor === null ? {} : { [list.cursor]: cursor }) };
    const read = await page(context, list, query);
    pages += 1;
    if (read.status !== 200) broken = `page ${pages} answered ${read.status}`;
    else if (read.next !== null && read.next === cursor) broken = `page ${pages} leads to itself`;
    largest = Math.max(largest, read.ids.length);
    seen.push(...read.ids);
    cursor = read.next;
    if (list.holdsWrites) await makeWrites(context, 1);
  } while (cursor !== null && broken === null && pages < mostPages);
  return {
    ...{ path: list.path, most: list.most, unasked, asked: more.status === 200 ? more.ids.length : null },
    ...{ pages, largest, limit: walkLimit, broken },
    repeated: seen.length - new Set(seen).size,
    skipped: list.holdsWrites ? made.filter((id) => !seen.includes(id)).length : null,
  };
}

async function page(
  { target, signal }: Context,
  list: List,
  query: Record<string, string>,
): Promise<{ status: number; ids: string[]; next: string | null }> {
  const { writers, operator } = target.credentials;
  const key = list.as === 'operator' ? operator : (writers.at(-1) ?? '');
  const path = `${list.path}?${new URLSearchParams(query)}`;
  const { status, text } = await send(target.url, { method: 'GET', path }, { key, signal });
  if (status !== 200) return { status, ids: [], next: null };
  const body = JSON.parse(text) as Record<string, unknown>;
  const items = body[list.items];
  if (!Array.isArray(items)) throw new Error(`${path} answered without a list ${list.items}`);
  const ids = items.map((each: Record<string, unknown>) => String(each[list.id]));
  const next = body[list.next];
  return { status, ids, next: typeof next === 'string' ? next : null };
}

/** By the same writer who reads the list. Returns the ids. @throws when one is not accepted. */
async function makeWrites({ config, target, signal }: Context, count: number): Promise<string[]> {
  const { request, idempotencyHeader, acceptedStatus, idField } = partOf(config, 'write');
  const key = target.credentials.writers.at(-1) ?? '';
  return Promise.all(
    Array.from({ length: count }, async () => {
      const headers = { [idempotencyHeader]: randomUUID() };
      const { status, text } = await send(target.url, request, { key, headers, signal });
      if (status !== acceptedStatus) throw new Error(`${request.method} ${request.path} answered ${status}`);
      return String((JSON.parse(text) as Record<string, unknown>)[idField]);
    }),
  );
}

async function unnamedLists({ config }: Context, api: ApiDocument): Promise<string[]> {
  const lists = partOf(config, 'lists');
  const named = new Set(lists.map(({ path }) => path));
  const cursors = new Set(lists.map(({ cursor }) => cursor));
  return api.operations
    .filter(({ method, parameters }) => method === 'GET' && parameters.some(({ name }) => cursors.has(name)))
    .filter(({ route }) => !named.has(route))
    .map(({ name }) => name);
}

function judgeList(list: Paged): Finding[] {
  const { path, most, unasked, asked, largest, limit, repeated, skipped, broken } = list;
  const finding = (what: string, message: string): Finding => ({
    message: `GET ${path}: ${message}`,
    identity: `${path} ${what}`,
  });
  return [
    ...(unasked > most
      ? [finding('unasked', `${unasked} entries came in one page, ${most} at most are promised`)]
      : []),
    ...(asked !== null && asked > most ? [finding('asked', `whoever asks for ${most + 1} entries gets ${asked}`)] : []),
    ...(largest > limit ? [finding('limit', `a page of ${limit} has ${largest} entries`)] : []),
    ...(repeated > 0 ? [finding('repeated', `${repeated} entries came twice while others were made`)] : []),
    ...(skipped !== null && skipped > 0
      ? [finding('skipped', `${skipped} entries that were there from the beginning never came`)]
      : []),
    ...(broken === null ? [] : [finding('broken', broken)]),
  ];
}

function facts(change: Partial<Paged>): Facts {
  const list: Paged = {
    ...{ path: '/orders', most: 100, unasked: 50, asked: null, pages: 5, largest: 3, limit: 3 },
    ...{ repeated: 0, skipped: 0, broken: null },
    ...change,
  };
  return { lists: [list], unnamed: [] };
}
