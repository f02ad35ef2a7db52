import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../engine/context.ts';
import { defineGate } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';

/** What a probe got, and how long it took. Null: no answer within its time. */
interface Probe {
  status: number | null;
  durationMs: number;
  json: boolean;
}

interface Facts {
  whole: { live: Probe; ready: Probe };
  /** While PostgreSQL was stopped: the first readiness that was not 2xx, or the last that was asked. */
  withoutDatabase: { live: Probe; ready: Probe; readyAfterMs: number };
  again: { ready: Probe; readyAfterMs: number };
}

/** kubelet's own default is 1 s; a probe that takes longer counts as failed there. */
const probeTimeoutMs = 2_000;
/** https://github.com/cloudnative-pg/cloudnative-pg and the field's figure: not ready within 5 s, back within 10 s. */
const notReadyWithinMs = 5_000;
const readyAgainWithinMs = 10_000;
const probeEveryMs = 50;

export default defineGate<Facts>({
  id: 'http/health-answers',
  severity: 'blocker',
  profile: 'commit',
  needs: ['service', 'sandbox'],
  alone: true,
  covers: ['http.health'],
  unit: 'probes',
  why: 'A readiness that is always green sends customers to a service that cannot serve; a liveness that follows the database restarts it for nothing.',
  fix: 'Liveness answers 200 whenever the process turns; readiness asks PostgreSQL with a short limit of its own, and answers 503 when it is gone.',
  source: 'https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/',

  async observe(context) {
    const { sandbox } = context;
    let probes = 0;
    const probe = (path: string) => {
      probes += 1;
      return ask(context, path);
    };
    const { liveness, readiness } = context.config.service;
    const readyUntil = (wanted: boolean, withinMs: number) =>
      untilReady(() => probe(readiness), wanted, withinMs, context.signal);
    const whole = { live: await probe(liveness), ready: await probe(readiness) };
    await sandbox.postgres.stop('immediate');
    let withoutDatabase: Facts['withoutDatabase'];
    try {
      withoutDatabase = { ...(await readyUntil(false, notReadyWithinMs)), live: await probe(liveness) };
    } finally {
      await sandbox.postgres.start();
    }
    const again = await readyUntil(true, readyAgainWithinMs);
    return { examined: probes, facts: { whole, withoutDatabase, again } };
  },

  judge({ whole, withoutDatabase, again }) {
    const complaints = [
      !isOk(whole.live) && `liveness answered ${said(whole.live)} while all was well`,
      !isOk(whole.ready) && `readiness answered ${said(whole.ready)} while all was well`,
      isOk(whole.ready) && !whole.ready.json && 'readiness does not answer JSON',
      withoutDatabase.ready.status !== 503 &&
        `readiness answered ${said(withoutDatabase.ready)} ${withoutDatabase.readyAfterMs} ms after PostgreSQL was stopped: 503 is wanted`,
      !isOk(withoutDatabase.live) &&
        `liveness answered ${said(withoutDatabase.live)} because PostgreSQL was stopped: it would be restarted for nothing`,
      !isOk(again.ready) &&
        `readiness still answered ${said(again.ready)} ${again.readyAfterMs} ms after PostgreSQL came back`,
    ];
    return complaints.filter((message) => message !== false).map((message) => ({ message }));
  },

  samples: {
    good: [facts({})],
    bad: [
      facts({ whole: { live: probed(500), ready: probed(200) } }),
      facts({ whole: { live: probed(200), ready: probed(null) } }),
      facts({ whole: { live: probed(200), ready: { ...probed(200), json: false } } }),
      facts({ withoutDatabase: { live: probed(200), ready: probed(200), readyAfterMs: 5_000 } }),
      facts({ withoutDatabase: { live: probed(503), ready: probed(503), readyAfterMs: 20 } }),
      facts({ again: { ready: probed(503), readyAfterMs: 10_000 } }),
    ],
  },

  /** A readiness that never looks: green whatever happens behind it. */
  async sabotage(sandbox) {
    return sandbox.intercept(async (request, forward) => {
      if (request.path !== sandbox.config.service.readiness) return forward(request);
      return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"status":"ok"}') };
    });
  },
});

async function ask({ target, signal }: Context, path: string): Promise<Probe> {
  const startedAt = performance.now();
  const took = () => Math.round(performance.now() - startedAt);
  try {
    const { status, headers } = await send(target.url, { method: 'GET', path }, { signal, timeoutMs: probeTimeoutMs });
    return { status, durationMs: took(), json: headers.get('content-type')?.includes('json') ?? false };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    return { status: null, durationMs: took(), json: false };
  }
}

/** Asks until readiness is as wanted, or the time is over; the last answer counts either way. */
async function untilReady(
  probe: () => Promise<Probe>,
  wanted: boolean,
  withinMs: number,
  signal: AbortSignal,
): Promise<{ ready: Probe; readyAfterMs: number }> {
  const startedAt = performance.now();
  for (;;) {
    const ready = await probe();
    const readyAfterMs = Math.round(performance.now() - startedAt);
    if (isOk(ready) === wanted || readyAfterMs > withinMs) return { ready, readyAfterMs };
    await delay(probeEveryMs, undefined, { signal });
  }
}

function isOk({ status }: Probe): boolean {
  return status !== null && status >= 200 && status < 300;
}

function said({ status, durationMs }: Probe): string {
  return status === null ? `nothing within ${durationMs} ms` : String(status);
}

function probed(status: number | null): Probe {
  return { status, durationMs: 3, json: true };
}

function facts(change: Partial<Facts>): Facts {
  return {
    whole: { live: probed(200), ready: probed(200) },
    withoutDatabase: { live: probed(200), ready: probed(503), readyAfterMs: 20 },
    again: { ready: probed(200), readyAfterMs: 300 },
    ...change,
  };
}
