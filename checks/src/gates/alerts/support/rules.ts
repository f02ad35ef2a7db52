import { parse } from 'yaml';
import { z } from 'zod';
import { type Config, partOf } from '../../../config.ts';
import { readPromql } from '../../../io/promql.ts';
import type { Tree } from '../../../io/tree.ts';
import { secondsOf } from './durations.ts';

/** One alerting rule of the tree. */
export interface AlertRule {
  alert: string;
  file: string;
  line: number;
  expression: string;
  /** How long the expression has to hold before it fires. */
  forSeconds: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** The metrics that it reads, through recorded names too. */
  metrics: string[];
}

/** One question of a unit test: does this alert fire then? */
export interface AlertTest {
  alert: string;
  file: string;
  fires: boolean;
  /** Names of the series that the test feeds. */
  fed: string[];
}

const texts = z.record(z.string(), z.coerce.string()).default({});
const rule = z.looseObject({
  alert: z.string().optional(),
  record: z.string().optional(),
  expr: z.coerce.string(),
  for: z.string().default('0'),
  labels: texts,
  annotations: texts,
});
const ruleFile = z.looseObject({ groups: z.array(z.looseObject({ name: z.string(), rules: z.array(rule) })) });
const testFile = z.looseObject({
  tests: z.array(
    z.looseObject({
      input_series: z.array(z.looseObject({ series: z.string() })).default([]),
      alert_rule_test: z
        .array(z.looseObject({ alertname: z.string(), exp_alerts: z.array(z.unknown()).default([]) }))
        .default([]),
    }),
  ),
});

/** The files that hold rules, without those that hold tests of them. */
export async function ruleFilesOf(config: Config, tree: Tree): Promise<{ rules: string[]; tests: string[] }> {
  const described = partOf(config, 'alerts');
  const tests = await tree.files(...described.tests);
  const rules = (await tree.files(...described.rules)).filter((file) => !tests.includes(file));
  return { rules, tests };
}

/** Every alert of these files. @throws for a file that is no rule file. */
export async function readRules(tree: Tree, files: readonly string[]): Promise<AlertRule[]> {
  const read = await Promise.all(files.map(async (file) => ({ file, text: await tree.read(file) })));
  const groups = read.flatMap(({ file, text }) =>
    parsed(ruleFile, file, text).groups.flatMap(({ rules }) => rules.map((each) => ({ ...each, file, text }))),
  );
  const recorded = new Map(
    groups.flatMap(({ record, expr }) => (record === undefined ? [] : [[record, expr] as const])),
  );
  return groups.flatMap(({ alert, file, text, expr, for: length, labels, annotations }) =>
    alert === undefined
      ? []
      : [
          {
            ...{ alert, file, line: lineOf(text, alert), expression: expr.trim(), forSeconds: secondsOf(length) },
            ...{ labels, annotations, metrics: followed(expr, recorded) },
          },
        ],
  );
}

/** Every question of these files. @throws for a file that is none of unit tests. */
export async function readTests(tree: Tree, files: readonly string[]): Promise<AlertTest[]> {
  const read = await Promise.all(files.map(async (file) => ({ file, text: await tree.read(file) })));
  return read.flatMap(({ file, text }) =>
    parsed(testFile, file, text).tests.flatMap(({ input_series: series, alert_rule_test: asked }) => {
      const fed = [...new Set(series.map((each) => each.series.replace(/\{.*/s, '').trim()))];
      return asked.map(({ alertname: alert, exp_alerts }) => ({ alert, file, fires: exp_alerts.length > 0, fed }));
    }),
  );
}

/** What an expression reads, with recorded names replaced by what they are recorded from. */
function followed(expression: string, recorded: ReadonlyMap<string, string>): string[] {
  const seen = new Set<string>();
  const follow = (text: string): string[] =>
    readPromql(text).selectors.flatMap(({ metric: name }) => {
      const from = recorded.get(name);
      if (from === undefined) return [name];
      // Two records that name each other would go on for ever: what was followed once says nothing new.
      if (seen.has(name)) return [];
      seen.add(name);
      return follow(from);
    });
  return [...new Set(follow(expression))];
}

function parsed<T>(schema: z.ZodType<T>, file: string, text: string): T {
  const read = schema.safeParse(parse(text));
  if (read.success) return read.data;
  const faults = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`${file} is not what Prometheus reads: ${faults.slice(0, 3).join('; ')}`);
}

/** Where `alert: NAME` stands; 1 where it is written in another way. */
function lineOf(text: string, alert: string): number {
  const at = text
    .split('\n')
    .findIndex((line) => /^\s*-?\s*alert:\s*(.*)$/.exec(line)?.[1]?.replace(/["']/g, '').trim() === alert);
  return Math.max(at, 0) + 1;
}
