import type { Report } from '../engine/report.ts';
import { consoleReport } from './console.ts';
import { jsonReport } from './json.ts';

/** A report as text. */
export type Reporter = (report: Report, colour: boolean) => string;

export const reporters = { console: consoleReport, json: jsonReport } as const satisfies Record<string, Reporter>;
export type ReporterName = keyof typeof reporters;
export const reporterNames = Object.keys(reporters) as ReporterName[];
