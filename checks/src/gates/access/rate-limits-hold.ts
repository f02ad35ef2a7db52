import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type HttpAnswer, send } from '../../io/http.ts';
import type { Replica, Sandbox } from '../../sandbox/sandbox.ts';
import { nobodysAddress, retryAfterOf } from './support/strangers.ts';

interface Facts {
  promised: number;
  /** How many processes had to count together. */
  processes: number;
  statuses: number[];
  /** Seconds of each Retry-After, in the order of the refusals; null where there was none. */
  waits: (number | null)[];
  /** An answer that was let in carried RateLimit and RateLimit-Policy. */
  announced: boolean;
  /** What another address was answered after all that. */
  neighbour: number;
}

const tooMany = 429;
/** Enough to see a wait grow. */
const violations = 4;

export default defineGate<Facts>({
  id: 'access/rate-limits-hold',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:access'],
  covers: ['access.rate-limits', 'access.rate-limits.address', 'access.rate-limits.back-off'],
  unit: 'requests of one address',
  why: 'One client without a limit takes the service from all others, and a limit that believes X-Forwarded-For is none.',
  fix: 'Count by the address that the nearest trusted proxy saw (trust as many hops as there are), in a store that replicas share; let the wait grow with each violation.',
  source: 'https://express-rate-limit.mintlify.app/guides/troubleshooting-proxy-issues',

  async observe(context) {
    const { rateLimit, behindOneProxy } = partOf(context.config, 'access');
    const environment = { ...behindOneProxy, ...rateLimit.environment };
    const start = () => context.sandbox.startReplica(environment);
    const replicas = await Promise.all(countTogether(context.sandbox) ? [start(), start()] : [start()]);
    try {
      return await look(context, replicas, rateLimit.perMinute);
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
    }
  },

  judge({ promised, processes, statuses, waits, announced, neighbour }) {
    const admitted = statuses.filter((status) => status !== tooMany).length;
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

/** Where the service was given a Redis, its processes have one count. */
function countTogether({ redis, config }: Sandbox): boolean {
  return redis !== undefined && Object.values(config.service.environment).some((value) => value.includes('{redisUrl}'));
}

async function look(context: Context, replicas: readonly Replica[], promised: number) {
  const { read } = partOf(context.config, 'access');
  const ask = (process: number, ...addresses: string[]): Promise<HttpAnswer> => {
    const headers = { 'x-forwarded-for': addresses.join(', '), 'x-real-ip': nobodysAddress() };
    const { url } = replicas[process % replicas.length] ?? { url: '' };
    return send(url, { method: 'GET', path: read }, { headers, signal: context.signal });
  };
  const address = nobodysAddress();
  const answers: HttpAnswer[] = [];
  for (let asked = 0; asked < promised + violations; asked += 1)
    answers.push(await ask(asked, nobodysAddress(), address));
  const neighbour = await ask(0, address, nobodysAddress());
  const facts: Facts = {
    promised,
    processes: replicas.length,
    statuses: answers.map(({ status }) => status),
    waits: answers.filter(({ status }) => status === tooMany).map(({ headers }) => retryAfterOf(headers)),
    announced: answers[0]?.headers.has('ratelimit') === true && answers[0].headers.has('ratelimit-policy'),
    neighbour: neighbour.status,
  };
  return { examined: answers.length + 1, facts };
}

function facts(change: Partial<Facts>): Facts {
  return {
    promised: 2,
    processes: 2,
    statuses: [401, 401, 429, 429, 429, 429],
    waits: [60, 120, 240, 480],
    announced: true,
    neighbour: 401,
    ...change,
  };
}
