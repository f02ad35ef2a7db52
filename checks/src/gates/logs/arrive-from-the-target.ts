import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { partOf } from '../../config.ts';
import { defineGate } from '../../engine/gate.ts';
import { lastLines } from '../../io/exec.ts';
import { send } from '../../io/http.ts';
import { actAsTarget } from '../deploy/support/as-target.ts';

interface Facts {
  url: string;
  withinSeconds: number;
  /** Seconds until the search found the line; null: it did not. */
  arrivedSeconds: number | null;
}

const searchEveryMs = 1_000;

export default defineGate<Facts>({
  id: 'logs/arrive-from-the-target',
  severity: 'warning',
  profile: 'release',
  needs: ['config:target', 'config:logs', 'config:logCollection', 'config:write'],
  covers: ['logs.collected-on-target', 'logs.searchable', 'logs.aggregated.whole'],
  unit: 'lines',
  timeoutMs: 330_000,
  why: 'The configuration is right, and the one host that was set up by hand sends nothing: that shows in the incident.',
  fix: 'Look whether rsyslog runs on that host and what its own log says of the collector; then search for the line again.',
  source: 'https://www.rsyslog.com/doc/configuration/modules/omfwd.html',

  async observe({ config, exec, signal }) {
    const { url } = partOf(config, 'target');
    const { search, withinSeconds } = partOf(config, 'logCollection');
    if (search === undefined)
      throw new Error('logCollection.search does not say how to ask the collector of the target');
    const marker = randomUUID();
    const { header } = partOf(config, 'logs').requestId;
    const request = { method: 'GET', path: `${partOf(config, 'write').request.path}/${randomUUID()}` };
    // Without a key: a refusal is logged too, and a target need not give one away for this.
    await send(url, request, { headers: { [header]: marker }, signal });
    const [program = '', ...args] = search.map((word) => word.replaceAll('{marker}', marker));
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    for (;;) {
      const result = await exec(program, args);
      // grep ends with 1 where it finds nothing; anything else has not searched.
      if (result.code > 1) throw new Error(`the search ended with ${result.code}: ${lastLines(result)}`);
      const arrivedSeconds = result.stdout.includes(marker) ? Math.round(seconds()) : null;
      if (arrivedSeconds !== null || seconds() > withinSeconds)
        return { examined: 1, facts: { url, withinSeconds, arrivedSeconds } };
      await delay(searchEveryMs, undefined, { signal });
    }
  },

  judge: ({ url, withinSeconds: limit, arrivedSeconds }) =>
    arrivedSeconds === null
      ? [{ message: `a request to ${url} was not found in the collected log within ${limit} s`, identity: 'arrival' }]
      : [],

  samples: {
    good: [{ url: 'https://orders.example', withinSeconds: 60, arrivedSeconds: 2 }],
    bad: [{ url: 'https://orders.example', withinSeconds: 60, arrivedSeconds: null }],
  },

  /** The sandbox's own log stands for the collected one. */
  async prepare(sandbox) {
    const { config, service } = sandbox;
    const described = config.logCollection;
    const any = { forward: '-', collect: '-', environment: {}, rotation: ['-'], store: '-' };
    const search = ['grep', '-F', '{marker}', service.logFile];
    config.logCollection = { ...(described ?? any), search, withinSeconds: 2 };
    const back = actAsTarget(sandbox);
    return async () => {
      await back();
      if (described) config.logCollection = described;
      else delete config.logCollection;
    };
  },

  /** The host sends nothing: what the collector has of it is old. */
  async sabotage({ config }) {
    const own = partOf(config, 'logCollection');
    config.logCollection = { ...own, search: ['grep', '-F', '{marker}', '/dev/null'] };
    return async () => {
      config.logCollection = own;
    };
  },
});
