import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type HttpAnswer, send } from '../../io/http.ts';
import { redisDatabase } from '../../sandbox/redis.ts';
import type { Replica, Sandbox } from '../../sandbox/sandbox.ts';
import { nobodysAddress, retryAfterOf } from './support/strangers.ts';

interface Facts {
  promised: number;
  /** How many processes had to count together, in a count that began with nothing. */
  processes: number;
  statuses: number[];
  /** Seconds of each Retry-After, in the order of the refusals; null where there was none. */
  waits: (number | null)[];
  /** An answer that was let in carried RateLimit and RateLimit-Policy. */
  announced: boolean;
  /** What another address was answered after all that. */
  neighbour: number;
  ofKey: {
    promised: number;
    statuses: number[];
    /** What another key was answered after all that. */
    neighbour: number;
  };
}

const tooMany = 429;
/** Enough to see a wait grow. */
const violations = 4;

export default defineGate<Facts>({
  id: 'access/rate-limits-hold',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:access'],
  covers: ['access.rate-limits', 'access.rate-limits.address', 'access.rate-limits.key', 'access.rate-limits.back-off'],
  unit: 'requests',
  why: 'One client without a limit takes the service from all others, and a limit that believes X-Forwarded-For is none.',
  fix: 'Count by the address that the nearest trusted proxy saw (trust as many hops as there are) and by the key, in a store that replicas share; let the wait grow with each violation.',
  source: 'https://express-rate-limit.mintlify.app/guides/troubleshooting-proxy-issues',

  async observe(context) {
    const { rateLimit, behindOneProxy } = partOf(context.config, 'access');
    const environment = { ...behindOneProxy, ...rateLimit.environment };
    const counts = await emptyCounts(context.sandbox);
    const start = () => context.sandbox.startReplica(environment, counts);
    const replicas = await Promise.all(counts === undefined ? [start()] : [start(), start()]);
    try {
      return await look(context, replicas);
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
    }
  },

  judge({ promised, processes, statuses, waits, announced, neighbour, ofKey }) {
    const admitted = admittedOf(statuses);
    const findings: Finding[] = [];
    const complain = (message: string, identity: string) => findings.push({ message, identity });
    if (admitted > promised)
      complain(
        `${admitted} of ${statuses.length} requests of one address were let in by ${processes} process(es), and ${promised} are promised: each had claimed another address in X-Forwarded-For`,
        'more than promised',
      );
    if (admitted < promised)
      complain(`${admitted} requests were let in, and ${promised} are promised`, 'fewer than promised');
    if (waits.includes(null)) complain('a refusal does not say in Retry-After when to come back', 'no Retry-After');
    else if (!((waits.at(-1) ?? 0) > (waits[0] ?? 0)))
      complain(`the wait did not grow with the violations: ${waits.join(', ')} s`, 'no back-off');
    if (!announced) complain('an answer carries no RateLimit and RateLimit-Policy', 'not announced');
    if (neighbour === tooMany) complain('another address was refused too', 'one for all');
    if (admittedOf(ofKey.statuses) !== ofKey.promised)
      complain(
        `${admittedOf(ofKey.statuses)} of ${ofKey.statuses.length} requests with one key were let in by ${processes} process(es), and ${ofKey.promised} are promised: each came from another address`,
        'of a key',
      );
    if (ofKey.neighbour === tooMany) complain('another key was refused too', 'one key for all');
    return findings;
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ statuses: Array<number>(6).fill(401), waits: [] }),
      facts({ statuses: [401, 429, 429, 429, 429, 429] }),
      facts({ waits: [60, null] }),
      facts({ waits: [60, 60, 59] }),
      facts({ announced: false }),
      facts({ neighbour: 429 }),
      facts({ ofKey: { promised: 2, statuses: [200, 200, 200], neighbour: 200 } }),
      facts({ ofKey: { promised: 2, statuses: [200, 429, 429], neighbour: 200 } }),
      facts({ ofKey: { promised: 2, statuses: [200, 200, 429], neighbour: 429 } }),
    ],
  },

  /** The limit believes the first address of X-Forwarded-For, which is whatever the client has written. */
  async sabotage(sandbox) {
    return sandbox.intercept((request, forward) => {
      const [claimed = ''] = (request.headers['x-forwarded-for'] ?? '').split(',');
      return forward({ ...request, headers: { ...request.headers, 'x-forwarded-for': claimed } });
    });
  },
});

/** Where the service was given a Redis, its processes have one count. They begin with none, whatever was asked before. */
async function emptyCounts({ redis, config }: Sandbox): Promise<{ redisUrl: string } | undefined> {
  const isShared = Object.values(config.service.environment).some((value) => value.includes('{redisUrl}'));
  if (redis === undefined || !isShared) return undefined;
  const { counts } = partOf(config, 'access').rateLimit;
  if (counts === undefined) throw new Error('access.rateLimit.counts has to say under which keys of Redis is counted');
  return { redisUrl: await redisDatabase(redis, 'counts', counts) };
}

function admittedOf(statuses: readonly number[]): number {
  return statuses.filter((status) => status !== tooMany).length;
}

/** Asks one of the processes, by turns: with a key where one is given, from the addresses that proxies have written down. */
type Ask = (turn: number, addresses: readonly string[], key?: { key: string }) => Promise<HttpAnswer>;

async function look(context: Context, replicas: readonly Replica[]) {
  const { read, rateLimit } = partOf(context.config, 'access');
  const { perMinute: promised } = rateLimit;
  const ask: Ask = (turn, addresses, key) => {
    const headers = { 'x-forwarded-for': addresses.join(', '), 'x-real-ip': nobodysAddress() };
    const { url } = replicas[turn % replicas.length] ?? { url: '' };
    return send(url, { method: 'GET', path: read }, { headers, signal: context.signal, ...key });
  };
  const address = nobodysAddress();
  const answers: HttpAnswer[] = [];
  for (let asked = 0; asked < promised + violations; asked += 1)
    answers.push(await ask(asked, [nobodysAddress(), address]));
  const neighbour = await ask(0, [address, nobodysAddress()]);
  const ofKey = await lookAtKey(ask, rateLimit.perHourKey, context.target.credentials.writers);
  const facts: Facts = {
    promised,
    processes: replicas.length,
    statuses: answers.map(({ status }) => status),
    waits: answers.filter(({ status }) => status === tooMany).map(({ headers }) => retryAfterOf(headers)),
    announced: answers[0]?.headers.has('ratelimit') === true && answers[0].headers.has('ratelimit-policy'),
    neighbour: neighbour.status,
    ofKey,
  };
  return { examined: answers.length + 1 + ofKey.statuses.length + 1, facts };
}

/** An hour's quota takes some seconds, one request after the other. */
const requestsAtOnce = 4;

/** @throws when a request that was let in was not answered: it says nothing of a quota. */
async function lookAtKey(ask: Ask, promised: number, [key, otherKey]: readonly string[]): Promise<Facts['ofKey']> {
  if (key === undefined || otherKey === undefined) throw new Error('two keys of writers are wanted to compare them');
  const statuses: number[] = [];
  const askFrom = async (first: number) => {
    for (let turn = first; turn < promised + violations; turn += requestsAtOnce)
      statuses.push((await ask(turn, [nobodysAddress()], { key })).status);
  };
  await Promise.all(Array.from({ length: requestsAtOnce }, (_, first) => askFrom(first)));
  const strange = statuses.find((status) => status !== tooMany && status >= 400);
  if (strange !== undefined) throw new Error(`access.read was answered with ${strange} to the key of a writer`);
  return { promised, statuses, neighbour: (await ask(0, [nobodysAddress()], { key: otherKey })).status };
}

function facts(change: Partial<Facts>): Facts {
  return {
    promised: 2,
    processes: 2,
    statuses: [401, 401, 429, 429, 429, 429],
    waits: [60, 120, 240, 480],
    announced: true,
    neighbour: 401,
    ofKey: { promised: 2, statuses: [200, 200, 429], neighbour: 200 },
    ...change,
  };
}
