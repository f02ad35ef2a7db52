import { partOf } from '../../config.ts';
import type { Context } from '../../engine/context.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { type HttpAnswer, send } from '../../io/http.ts';
import { nobodysAddress, retryAfterOf, wrongKeyLike, wrongKeyOfAnyName } from './support/strangers.ts';

/** One threshold: what each wrong key was answered, and then the right one. */
interface Lock {
  threshold: number;
  wrong: number[];
  /** The right key, at the same process and at another one. */
  right: number[];
  /** Another spelling of the same address. */
  respelled: number;
  retryAfterSeconds: number | null;
}

interface Facts {
  /** For how long a lockout is promised to hold. */
  seconds: number;
  perKey: Lock;
  perAddress: Lock;
  /** The right key from another address, after wrong ones that begin like it had locked theirs. */
  ownerElsewhere: number;
}

const tooMany = 429;
/** Between the lockout and the answer that tells of it: a request or two, on a machine that is busy. */
const toldLateSeconds = 60;

export default defineGate<Facts>({
  id: 'access/lockout-holds',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox', 'config:access'],
  covers: ['access.lockout', 'access.lockout.address', 'access.lockout.duration'],
  unit: 'attempts with wrong and right keys',
  why: 'Without a lockout whoever guesses goes on for ever, and nobody notices; one that locks keys for everybody lets any stranger keep a trader out.',
  fix: 'Count failures by address, and by address and the beginning of the key, in a place that all replicas share; look there before the key.',
  source: 'https://github.com/OWASP/ASVS/blob/v5.0.0/5.0/en/0x15-V6-Authentication.md',

  async observe(context) {
    const { lockout, behindOneProxy } = partOf(context.config, 'access');
    const environment = { ...behindOneProxy, ...lockout.environment };
    const start = () => context.sandbox.startReplica(environment);
    const replicas = await Promise.all([start(), start()]);
    try {
      const urls = replicas.map(({ url }) => url);
      const [key = ''] = context.target.credentials.writers;
      const perKey = await tryLock(context, urls, lockout.failuresPerKey, key, wrongKeyLike);
      const perAddress = await tryLock(context, urls, lockout.failuresPerAddress, key, wrongKeyOfAnyName);
      const elsewhere = await present(context, urls[0] ?? '', key, nobodysAddress());
      const facts = { seconds: lockout.seconds, perKey, perAddress, ownerElsewhere: elsewhere.status };
      const tried = [perKey, perAddress].flatMap(({ wrong, right }) => [...wrong, ...right]);
      return { examined: tried.length + 3, facts };
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
    }
  },

  judge: ({ seconds, perKey, perAddress, ownerElsewhere }) => [
    ...judgeLock(perKey, 'wrong keys that begin like one and the same', seconds),
    ...judgeLock(perAddress, 'wrong keys from one address', seconds),
    ...(isAccepted(ownerElsewhere)
      ? []
      : [
          {
            message: `wrong keys from one address kept the right one out at another, which was answered ${ownerElsewhere}`,
            fix: 'What names a key is no secret: lock it for the address that failed, not for everybody.',
          },
        ]),
  ],

  samples: {
    good: [facts({})],
    bad: [
      facts({ perKey: lock(5, { wrong: [401, 401, 401, 401, 401, 401] }) }),
      facts({ perKey: lock(5, { wrong: [401, 401, 429, 429, 429, 429] }) }),
      facts({ perAddress: lock(10, { wrong: [...Array<number>(9).fill(401), 200, 429] }) }),
      facts({ perAddress: lock(10, { right: [429, 200] }) }),
      facts({ perAddress: lock(10, { respelled: 200 }) }),
      facts({ perAddress: lock(10, { retryAfterSeconds: null }) }),
      facts({ perAddress: lock(10, { retryAfterSeconds: 900 }) }),
      facts({ ownerElsewhere: 429 }),
    ],
  },

  /** A proxy that hands on whatever its client claims to be: each attempt comes from somewhere else. */
  async sabotage(sandbox) {
    return sandbox.intercept((request, forward) =>
      forward({ ...request, headers: { ...request.headers, 'x-forwarded-for': nobodysAddress() } }),
    );
  },
});

function present({ config, signal }: Context, url: string, key: string, address: string): Promise<HttpAnswer> {
  const { read } = partOf(config, 'access');
  return send(url, { method: 'GET', path: read }, { key, headers: { 'x-forwarded-for': address }, signal });
}

/** One attempt more than the threshold, at the processes in turn, then the right key. */
async function tryLock(
  context: Context,
  urls: readonly string[],
  threshold: number,
  key: string,
  wrongKey: (key: string) => string,
): Promise<Lock> {
  const address = nobodysAddress();
  const wrong: number[] = [];
  for (let attempt = 0; attempt <= threshold; attempt += 1) {
    const url = urls[attempt % urls.length] ?? '';
    wrong.push((await present(context, url, wrongKey(key), address)).status);
  }
  const right: HttpAnswer[] = [];
  for (const url of urls) right.push(await present(context, url, key, address));
  const respelled = await present(context, urls[0] ?? '', key, `::ffff:${address}`);
  const retryAfterSeconds = right[0] ? retryAfterOf(right[0].headers) : null;
  return { threshold, wrong, right: right.map(({ status }) => status), respelled: respelled.status, retryAfterSeconds };
}

function isAccepted(status: number): boolean {
  return status >= 200 && status < 300;
}

function judgeLock(
  { threshold, wrong, right, respelled, retryAfterSeconds }: Lock,
  what: string,
  seconds: number,
): Finding[] {
  const before = wrong.slice(0, threshold);
  const opened = wrong.filter(isAccepted).length;
  const complaints = [
    opened > 0 && `${opened} of the ${what} were accepted`,
    wrong.at(-1) !== tooMany && `after ${threshold} ${what} the next was answered ${wrong.at(-1)}, not ${tooMany}`,
    before.includes(tooMany) && `${what} locked after ${before.indexOf(tooMany)}, and ${threshold} are promised`,
    ...right.map(
      (status, process) =>
        status !== tooMany &&
        `after ${threshold} ${what} the right one was answered ${status} by process ${process + 1}`,
    ),
    respelled !== tooMany && `after ${threshold} ${what} another spelling of the address was answered ${respelled}`,
    !(retryAfterSeconds !== null && retryAfterSeconds > 0) &&
      `a lockout after ${threshold} ${what} does not say in Retry-After when it ends`,
    retryAfterSeconds !== null &&
      retryAfterSeconds > 0 &&
      retryAfterSeconds < seconds - toldLateSeconds &&
      `a lockout after ${threshold} ${what} holds for ${retryAfterSeconds} s, and ${seconds} are promised`,
  ];
  return complaints.filter((message) => message !== false).map((message) => ({ message }));
}

function lock(threshold: number, change: Partial<Lock>): Lock {
  const wrong = [...Array<number>(threshold).fill(401), tooMany];
  return { threshold, wrong, right: [tooMany, tooMany], respelled: tooMany, retryAfterSeconds: 3600, ...change };
}

function facts(change: Partial<Facts>): Facts {
  return { seconds: 3600, perKey: lock(5, {}), perAddress: lock(10, {}), ownerElsewhere: 200, ...change };
}
