import { type Config, partOf } from '../../config.ts';
import { defineGate, type Finding } from '../../engine/gate.ts';
import { queryNumber, queryPrometheus } from '../../io/prometheus.ts';
import { type History, startPrometheus } from '../../sandbox/prometheus.ts';
import type { Sandbox, Undo } from '../../sandbox/sandbox.ts';
import { actAsTarget } from '../deploy/support/as-target.ts';

interface Facts {
  url: string;
  /** How often it is called at least, whatever the hour, in minutes. */
  everyMinutes: number;
  /** Calls of the last `windowMinutes`, and of the last `recentMinutes`. */
  windowMinutes: number;
  calls: number;
  recentMinutes: number;
  recentCalls: number;
  /** What went wrong in the window: by how much each of these counters grew. */
  failures: { what: string; grewBy: number }[];
}

/** So many intervals are looked at: the calls of a smoke test among them are few beside these. */
const intervals = 8;
/** A call that is missing now and then is a restart; a quarter of them is a schedule that does not work. */
const leastShare = 0.75;
/** The last one may be as old as two intervals, and the time that Prometheus takes to hear of it. */
const recentIntervals = 2;
const recentSlackMinutes = 5;
/** A gap says more about Prometheus than about the schedule: nobody knows what was in it. */
const measuredShareMin = 0.9;

export default defineGate<Facts>({
  id: 'schedule/target-is-called',
  severity: 'blocker',
  profile: 'release',
  needs: ['config:target', 'config:schedule'],
  resources: ['the past of the target'],
  covers: ['schedule.cycle.called', 'schedule.cycle.healthy', 'deployment.first-cycles'],
  unit: 'calls and counters',
  why: 'A schedule that is right in the repository and installed nowhere calls nobody. Workers may go on meanwhile, so that nothing looks wrong until they stop.',
  fix: 'Install deploy/cron on the host that calls, with its URL and key; then look at the mail of its user, and at the answers that the service logged.',
  source: 'https://sre.google/sre-book/distributed-periodic-scheduling/',

  async observe({ config, signal }) {
    const { url, prometheus } = partOf(config, 'target');
    if (prometheus === undefined) throw new Error('the target names no Prometheus: nobody has counted its calls');
    const { otherwiseEveryMinutes: everyMinutes } = partOf(config, 'schedule');
    const { up, everySeconds, calls: selector, failures } = observedOf(config);
    const windowMinutes = everyMinutes * intervals;
    const recentMinutes = everyMinutes * recentIntervals + recentSlackMinutes;
    const ask = (expression: string) => queryNumber(prometheus, expression, signal);
    const looked = `max(count_over_time(${up}[${windowMinutes}m])) * ${everySeconds} / ${windowMinutes * 60}`;
    const measuredShare = await ask(looked);
    if (measuredShare < measuredShareMin)
      throw new Error(
        `only ${Math.round(measuredShare * 100)} % of the last ${windowMinutes} minutes were measured: nobody knows how the rest was`,
      );
    const grown = async (counter: string, minutes: number) => {
      // Without one call there is no such series, and that is none of them.
      const series = await queryPrometheus(prometheus, `increase(${counter}[${minutes}m])`, signal);
      return Math.round(series.reduce((sum, { value }) => sum + value, 0));
    };
    const failed: Facts['failures'] = [];
    for (const { what, counter } of failures) failed.push({ what, grewBy: await grown(counter, windowMinutes) });
    const [calls, recentCalls] = [await grown(selector, windowMinutes), await grown(selector, recentMinutes)];
    const facts = { url, everyMinutes, windowMinutes, calls, recentMinutes, recentCalls, failures: failed };
    return { examined: calls + failures.length + 1, facts };
  },

  judge({ url, everyMinutes, windowMinutes, calls, recentMinutes, recentCalls, failures }) {
    const wanted = Math.ceil((windowMinutes / everyMinutes) * leastShare);
    const findings: Finding[] = [];
    if (calls < wanted)
      findings.push({
        message: `${url} was called ${calls} times within ${windowMinutes} minutes: ${wanted} are the fewest of a schedule of every ${everyMinutes} minutes`,
        identity: 'calls',
      });
    if (recentCalls === 0)
      findings.push({ message: `nobody has called ${url} for ${recentMinutes} minutes`, identity: 'recent' });
    return [
      ...findings,
      ...failures
        .filter(({ grewBy }) => grewBy > 0)
        .map(({ what, grewBy }) => ({
          message: `${grewBy} ${what} within ${windowMinutes} minutes: none is wanted`,
          identity: what,
        })),
    ];
  },

  samples: {
    good: [facts({}), facts({ calls: 90 })],
    bad: [facts({ calls: 5 }), facts({ recentCalls: 0 }), facts({ failures: [{ what: 'failed calls', grewBy: 1 }] })],
  },

  prepare: (sandbox) => calledFor(sandbox, 'all along'),

  /** Whoever called has stopped an hour and more ago; a smoke test alone has called since. */
  async sabotage(sandbox) {
    const target = partOf(sandbox.config, 'target');
    const undo = await calledFor(sandbox, 'not of late');
    return async () => {
      await undo();
      sandbox.config.target = target;
    };
  },
});

/** @throws when the configuration does not say how calls are counted: then none can be. */
function observedOf(config: Config): NonNullable<NonNullable<Config['schedule']>['observed']> {
  const { observed } = partOf(config, 'schedule');
  if (observed === undefined)
    throw new Error('schedule.observed of preflight.config.ts does not say which counter tells of the calls');
  return observed;
}

const everySeconds = 60;

/** A Prometheus that remembers a target that was called on schedule, or was until half of the window was over. */
async function calledFor(sandbox: Sandbox, until: 'all along' | 'not of late'): Promise<Undo> {
  const { config } = sandbox;
  const described = config.schedule;
  const any = { files: [{ path: '-', kind: 'crontab' as const }], calls: '-', everyMinutes: 3 };
  const session = { timeZone: 'UTC', opens: '09:30', closes: '16:00' };
  const own = described ?? { ...any, session, otherwiseEveryMinutes: 30 };
  const samples = own.otherwiseEveryMinutes * intervals * 2;
  const last = until === 'all along' ? samples : samples * 0.75;
  const calls = (sample: number) => Math.floor(Math.min(sample, last) / own.otherwiseEveryMinutes);
  const labels = { job: 'preflight' };
  const series: History[] = [
    { metric: 'preflight_up', labels, at: () => 1 },
    { metric: 'preflight_calls_total', labels, at: calls },
    { metric: 'preflight_failures_total', labels, at: () => 0 },
  ];
  const prometheus = await startPrometheus(sandbox, { history: { series, samples, everySeconds } });
  const failures = [{ what: 'failed calls', counter: 'preflight_failures_total' }];
  const observed = { up: 'preflight_up', everySeconds, calls: 'preflight_calls_total', failures };
  config.schedule = { ...own, observed };
  const back = actAsTarget(sandbox, { prometheus: prometheus.url });
  return async () => {
    await back();
    if (described) config.schedule = described;
    else delete config.schedule;
    await prometheus.close();
  };
}

function facts(change: Partial<Facts>): Facts {
  return {
    ...{ url: 'https://orders.example', everyMinutes: 30, windowMinutes: 240, calls: 8 },
    ...{ recentMinutes: 65, recentCalls: 2, failures: [{ what: 'failed calls', grewBy: 0 }] },
    ...change,
  };
}
