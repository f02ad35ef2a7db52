import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Config, partOf } from '../config.ts';
import type { Context } from '../engine/context.ts';
import { withDatabase } from '../io/database.ts';
import type { Replica, Sandbox } from './sandbox.ts';

type MarketData = NonNullable<Config['marketData']>;

/** How a provider behaves: right, gone wrong, right after a while, without a word, too busy, or silent until it is told to go on. */
export type Behaviour =
  | { kind: 'quotes'; shiftBps?: number; afterMs?: number }
  | { kind: 'held'; until: Promise<QuoteSaid> }
  | { kind: 'refuses' }
  | { kind: 'silent' }
  | { kind: 'limits'; retryAfterSeconds: number };

/** What a provider says in the end, after it was held. */
export interface QuoteSaid {
  bid: string;
  ask: string;
  /** RFC 3339. */
  asOf: string;
}

export interface Provider {
  /** As a sandbox's environment writes it: the doubled braces around the symbol become single ones there. */
  readonly url: string;
  behaviour: Behaviour;
  /** When it was asked for the configured symbol, by the monotonic clock. */
  readonly askedAtMs: readonly number[];
  /** How often it was asked for anything. */
  calls(): number;
  close(): Promise<void>;
}

/** A replica that asks two providers of ours. */
export interface Feed {
  readonly primary: Provider;
  readonly secondary: Provider;
  readonly replica: Replica;
  /** Starts another replica that asks the same providers. It ends with the work. */
  another(): Promise<Replica>;
}

/** Starts the providers and the replica, works, and puts everything back, whatever happened. */
export async function withFeed<T>(
  context: Context,
  changes: Readonly<Record<string, string>>,
  work: (feed: Feed) => Promise<T>,
): Promise<T> {
  const part = partOf(context.config, 'marketData');
  await reset(context.sandbox, part);
  const [primary, secondary] = [await startProvider(part), await startProvider(part)];
  try {
    const urls: Record<string, string> = { '{primary}': primary.url, '{secondary}': secondary.url };
    const fill = (text: string) => text.replace(/\{(primary|secondary)\}/g, (name) => urls[name] ?? name);
    const environment = { ...part.environment, ...changes };
    const filled = Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, fill(text)]));
    const started: Replica[] = [];
    const another = async () => {
      const replica = await context.sandbox.startReplica(filled);
      started.push(replica);
      return replica;
    };
    try {
      return await work({ primary, secondary, replica: await another(), another });
    } finally {
      await Promise.all(started.map((replica) => replica.close()));
    }
  } finally {
    await Promise.all([primary.close(), secondary.close()]);
    await reset(context.sandbox, part);
  }
}

async function reset({ databaseUrl }: Sandbox, { reset: statements }: MarketData): Promise<void> {
  await withDatabase(databaseUrl, async (database) => {
    for (const sql of statements) await database.query(sql);
  });
}

/** What prices orders of the symbol now; null: nothing does. */
export async function sourceNow({ config, sandbox }: Context): Promise<string | null> {
  const { stored, symbol } = partOf(config, 'marketData');
  const [row] = await withDatabase(sandbox.databaseUrl, (database) => database.query(stored, [symbol]));
  return Object.values(row ?? {})[0] ?? null;
}

async function startProvider(part: MarketData): Promise<Provider> {
  const askedAtMs: number[] = [];
  let calls = 0;
  const server = createServer((request, response) => {
    calls += 1;
    const isOurs = decodeURIComponent(request.url ?? '') === `/${part.symbol}`;
    if (!isOurs) return void response.writeHead(404).end();
    askedAtMs.push(performance.now());
    answer(response, provider.behaviour, part);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const provider: Provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/{{symbol}}`,
    behaviour: { kind: 'quotes' },
    askedAtMs,
    calls: () => calls,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}

function answer(response: ServerResponse, behaviour: Behaviour, part: MarketData): void {
  // Without a word: the connection stays open until whoever asked gives up.
  if (behaviour.kind === 'silent') return;
  if (behaviour.kind === 'refuses') return void response.writeHead(503).end();
  if (behaviour.kind === 'limits') {
    return void response.writeHead(429, { 'retry-after': String(behaviour.retryAfterSeconds) }).end();
  }
  const say = (quote: QuoteSaid) => response.end(JSON.stringify(part.answer(quote)));
  if (behaviour.kind === 'held') return void behaviour.until.then(say);
  const { shiftBps = 0, afterMs = 0 } = behaviour;
  const shifted = (price: string) => (Number(price) * (1 + shiftBps / 10_000)).toFixed(2);
  setTimeout(() => say({ bid: shifted(part.bid), ask: shifted(part.ask), asOf: new Date().toISOString() }), afterMs);
}
