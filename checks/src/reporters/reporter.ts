import type { Report } from '../engine/report.ts';
import { consoleReport } from './console.ts';
import { githubReport } from './github.ts';
import { htmlReport } from './html/page.ts';
import { jsonReport } from './json.ts';
import { junitReport } from './junit.ts';
import { markdownReport } from './markdown.ts';
import { sarifReport } from './sarif.ts';
import type { Setting } from './setting.ts';

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
