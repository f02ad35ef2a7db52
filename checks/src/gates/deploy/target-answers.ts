import { setTimeout as delay } from 'node:timers/promises';
import { type Config, partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { send } from '../../io/http.ts';
import { actAsTarget } from './support/as-target.ts';

/** How often a path was asked, and every answer that was not the wanted one. */
interface Asked {
  path: string;
  times: number;
  bad: string[];
  slowestMs: number;
}

interface Facts {
  url: string;
  overMs: number;
  asked: Asked[];
}

/** A connection that flaps is seen by asking for a while, and not once. */
const rounds = 20;
const everyMs = 250;
/** A probe that takes longer is counted as failed by who asks it every few seconds. */
const answerWithinMs = 2_000;

export default defineGate<Facts>({
  id: 'deploy/target-answers',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target'],
  covers: [
    ...['deployment.target.provisioned', 'deployment.status-before', 'deployment.health'],
    ...['deployment.database-connected', 'deployment.database-stable'],
  ],
  unit: 'answers',
  why: 'A deployment that was reported as done may serve nobody: the host is not there, the process restarts, or its database comes and goes.',
  fix: 'Look at the log of the service, at its events in the orchestrator, and at the database’s own log.',
  source: 'https://sre.google/sre-book/reliable-product-launches/',
  timeoutMs: 120_000,

  async observe({ config, signal }) {
    const { url, keys } = partOf(config, 'target');
    const startedAt = performance.now();
    const asked = pathsOf(config, keys.processor).map(
      ({ path }) => ({ path, times: 0, bad: [], slowestMs: 0 }) as Asked,
    );
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, { path, key }] of pathsOf(config, keys.processor).entries()) {
        const into = asked[index];
        if (into) await askOnce(into, url, path, key, signal);
      }
      await delay(everyMs, undefined, { signal });
    }
    const overMs = Math.round(performance.now() - startedAt);
    return { examined: asked.reduce((sum, { times }) => sum + times, 0), facts: { url, overMs, asked } };
  },

  judge: ({ url, asked }) =>
    asked.flatMap(({ path, times, bad, slowestMs }) => [
      ...(bad.length > 0
        ? [{ message: `${url}${path}: ${bad.length} of ${times} answers were bad, such as: ${bad[0]}`, identity: path }]
        : []),
      ...(slowestMs > answerWithinMs
        ? [
            {
              message: `${url}${path} took ${slowestMs} ms once: ${answerWithinMs} are the most`,
              identity: `slow ${path}`,
            },
          ]
        : []),
    ]),

  samples: {
    good: [sample({})],
    bad: [sample({ bad: ['503'] }), sample({ bad: ['no answer: fetch failed'] }), sample({ slowestMs: 2_001 })],
  },

  prepare: async (sandbox) => actAsTarget(sandbox),

  /** It loses its database every now and then: each third readiness is none. */
  async sabotage(sandbox) {
    let asked = 0;
    return sandbox.intercept(async (request, forward) => {
      if (request.path !== sandbox.config.service.readiness) return forward(request);
      asked += 1;
      if (asked % 3 !== 0) return forward(request);
      return { status: 503, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"ready":false}') };
    });
  },
});

/** Liveness, readiness (which is the database's too), and where they are configured the build's page and the processing. */
function pathsOf(config: Config, processor: string | undefined): { path: string; key?: string }[] {
  const { service, build, processing } = config;
  return [
    { path: service.liveness },
    { path: service.readiness },
    ...(build ? [{ path: build.path }] : []),
    ...(processing && processor !== undefined ? [{ path: processing.health.path, key: processor }] : []),
  ];
}

async function askOnce(into: Asked, url: string, path: string, key: string | undefined, signal: AbortSignal) {
  const startedAt = performance.now();
  into.times += 1;
  try {
    const { status } = await send(url, { method: 'GET', path }, { ...(key === undefined ? {} : { key }), signal });
    if (status < 200 || status >= 300) into.bad.push(String(status));
  } catch (error) {
    signal.throwIfAborted();
    into.bad.push(`no answer: ${(error as Error).message}`);
  }
  into.slowestMs = Math.max(into.slowestMs, Math.round(performance.now() - startedAt));
}

function sample(change: Partial<Asked>): Facts {
  const asked = [{ path: '/ready', times: rounds, bad: [], slowestMs: 12, ...change }];
  return { url: 'https://orders.example', overMs: 5_000, asked };
}
