import { z } from 'zod';
import { askApi } from '../../../io/prometheus.ts';
import { readPromql } from '../../../io/promql.ts';

/** An alert as it works on a Prometheus. */
export interface LoadedAlert {
  alert: string;
  group: string;
  forSeconds: number;
  expression: string;
  /** What Prometheus says of its last evaluation: `ok`, `err`, or `unknown` before the first. */
  health: string;
}

const groups = z.object({
  groups: z.array(
    z.looseObject({
      name: z.string(),
      rules: z.array(
        z.looseObject({
          name: z.string(),
          query: z.string(),
          duration: z.number().default(0),
          health: z.string(),
          type: z.string(),
        }),
      ),
    }),
  ),
});
const alertmanagers = z.object({ activeAlertmanagers: z.array(z.unknown()) });

/** Every alert that this Prometheus evaluates. */
export async function readLoaded(url: string, signal: AbortSignal): Promise<LoadedAlert[]> {
  const read = groups.parse(await askApi(url, 'rules', { type: 'alert' }, signal));
  return read.groups.flatMap(({ name: group, rules }) =>
    rules.map(({ name, query, duration, health }) => ({
      ...{ alert: name, group, forSeconds: duration, expression: query, health },
    })),
  );
}

/** How many Alertmanagers it tells. */
export async function countAlertmanagers(url: string, signal: AbortSignal): Promise<number> {
  return alertmanagers.parse(await askApi(url, 'alertmanagers', {}, signal)).activeAlertmanagers.length;
}

/**
 * What an expression reads and compares with, however it is written: Prometheus writes it in its own way. Lengths of time are left
 * out: `90m` comes back as `1h30m`.
 */
export function gist(expression: string): string {
  const metrics = readPromql(expression).selectors.map(({ metric, labels }) => `${metric}{${labels.toSorted()}}`);
  const bare = expression.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '').replace(/\[[^\]]*\]/g, '');
  const numbers = [...bare.matchAll(/(?<![\w.:])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])/gi)].map(([number]) =>
    Number(number),
  );
  const comparisons = bare.match(/[<>]=?|==|!=/g) ?? [];
  return JSON.stringify([metrics.toSorted(), numbers.toSorted(), comparisons.toSorted()]);
}
