import type { Check } from '../engine/gate.ts';
import type { Report } from '../engine/report.ts';
import type { PastRun } from '../io/history.ts';
import { consoleReport } from './console.ts';
import { githubReport } from './github.ts';
import { htmlReport } from './html/page.ts';
import { jsonReport } from './json.ts';
import { junitReport } from './junit.ts';
import { markdownReport } from './markdown.ts';
import { sarifReport } from './sarif.ts';

/** What a check says of itself, for readers who do not know it. */
export type Described = Pick<Check, 'id' | 'why' | 'fix' | 'source' | 'needs'>;

/** What a report may need beside the run itself. */
export interface Setting {
  /** Only where it goes to a terminal. */
  colour: boolean;
  /** Of the checks that ran, by id. */
  described: ReadonlyMap<string, Described>;
  /** Earlier runs, oldest first. */
  history: readonly PastRun[];
}

/** A report as text. */
export type Reporter = (report: Report, setting: Setting) => string;

export const reporters = {
  console: (report, { colour }) => consoleReport(report, colour),
  json: jsonReport,
  junit: junitReport,
  sarif: sarifReport,
  markdown: markdownReport,
  github: githubReport,
  html: htmlReport,
} as const satisfies Record<string, Reporter>;
export type ReporterName = keyof typeof reporters;
export const reporterNames = Object.keys(reporters) as ReporterName[];
