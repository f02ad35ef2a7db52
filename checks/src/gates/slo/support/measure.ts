import { overruled, strictest, thresholds } from '../../../checklist/thresholds.ts';
import { type Config, partOf } from '../../../config.ts';
import type { Context } from '../../../engine/context.ts';
import type { Finding, Observation } from '../../../engine/gate.ts';
import { queryNumber } from '../../../io/prometheus.ts';

/** What was measured over the window, against what was promised. Shares are from 0 to 1, times in seconds. */
export interface Measure {
  what: string;
  value: number;
  bound: number;
  /** `least`: the value may not be lower. */
  sense: 'least' | 'most';
  unit: 'share' | 's';
}

export interface Facts {
  windowDays: number;
  /** Which share of the window Prometheus has looked at all. */
  measuredShare: number;
  measures: Measure[];
}

export type Slo = NonNullable<Config['slo']>;

/** One question, with its promise. */
export type Question = Omit<Measure, 'value'> & { expression: string };

/** A gap of that size says more about Prometheus than about the service: nobody knows what was in it. */
const measuredShareMin = 0.95;

/** The figure that holds for an item of the checklists: the strictest that is stated. @throws when none is. */
export function promised(item: string): number {
  const found = thresholds.find((each) => each.item === item);
  if (!found) throw new Error(`no document states a figure for ${item}`);
  return strictest(found);
}

/** Another stated figure of an item, by the line that states it. @throws when it is gone: then the promise is another one. */
export function alsoPromised(item: string, source: string): number {
  const found = thresholds.find((each) => each.item === item);
  const said = found && overruled(found).find(({ at }) => at.some((ask) => ask.startsWith(`${source} `)));
  if (!said) throw new Error(`${source} no longer states a figure for ${item}`);
  return said.value;
}

/** The length of the window, as PromQL writes it. */
export function windowOf({ windowDays }: Slo): string {
  return `${windowDays}d`;
}

/** How much a counter grew over the window, all its series together. */
export function grown(slo: Slo, counter: string, matchers = ''): string {
  const all = [slo.series, matchers].filter((each) => each !== '').join(', ');
  return `sum(increase(${counter}{${all}}[${windowOf(slo)}]))`;
}

/** Asks the target's Prometheus. @throws when it has not measured: no data is no promise kept. */
export async function measure(
  { config, signal }: Pick<Context, 'config' | 'signal'>,
  questionsOf: (slo: Slo) => Question[],
): Promise<Observation<Facts>> {
  const slo = partOf(config, 'slo');
  const { prometheus } = partOf(config, 'target');
  if (prometheus === undefined) throw new Error('the target names no Prometheus: nothing knows how it has been');
  const window = windowOf(slo);
  const looked = `max(count_over_time(${slo.probe.success}[${window}])) * ${slo.everySeconds} / (${slo.windowDays} * 86400)`;
  const measuredShare = await queryNumber(prometheus, looked, signal);
  if (measuredShare < measuredShareMin) {
    const share = (measuredShare * 100).toFixed(0);
    throw new Error(`only ${share} % of the last ${slo.windowDays} days were measured: nobody knows how the rest was`);
  }
  const measures: Measure[] = [];
  for (const { expression, ...rest } of questionsOf(slo))
    measures.push({ ...rest, value: await queryNumber(prometheus, expression, signal) });
  return { examined: measures.length, facts: { windowDays: slo.windowDays, measuredShare, measures } };
}

/** A value that is no number keeps no promise. */
export function judgeMeasures({ measures, windowDays }: Facts): Finding[] {
  return measures
    .filter(({ value, bound, sense }) => !(sense === 'least' ? value >= bound : value <= bound))
    .map((each) => ({
      message: `${each.what}: ${tell(each.value, each.unit)} over ${windowDays} days, at ${each.sense} ${tell(each.bound, each.unit)} ${each.unit === 's' ? 'are' : 'is'} promised`,
      identity: each.what,
    }));
}

function tell(value: number, unit: Measure['unit']): string {
  return unit === 's' ? `${Number((value * 1000).toPrecision(4))} ms` : `${Number((value * 100).toPrecision(5))} %`;
}

/** Facts for samples. */
export function sampleFacts(change: Partial<Measure>): Facts {
  const kept: Measure = { what: 'answered', value: 0.9995, bound: 0.999, sense: 'least', unit: 'share' };
  return { windowDays: 7, measuredShare: 1, measures: [{ ...kept, ...change }] };
}
