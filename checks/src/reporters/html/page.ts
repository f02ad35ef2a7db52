import { createHash } from 'node:crypto';
import type { Report } from '../../engine/report.ts';
import { summaryOf } from '../../io/history.ts';
import { commitWords } from '../order.ts';
import type { Setting } from '../setting.ts';
import { checksSection } from './checks.ts';
import { historySection } from './history.ts';
import { html, Markup } from './markup.ts';
import { checklistSection, governanceSection, runSection, verdictHeader } from './run.ts';
import { script } from './script.ts';
import { style } from './style.ts';
import { timelineSection } from './timeline.ts';

/**
 * One file that is whole by itself. The policy lets nothing in it load or send anything, and runs no script and no style but
 * the two whose hashes it names; all else on the page is escaped text.
 */
export function htmlReport(report: Report, setting: Setting): string {
  const history = historySection(setting.history, summaryOf(report));
  const links = ['Checks', 'Timeline', ...(history ? ['Past runs'] : []), 'This run'];
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>${report.verdict} · preflight · ${commitWords(report)}</title>
<style>${new Markup(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the checks</a>
${verdictHeader(report)}
<nav aria-label="Parts of the report"><ul>${links.map((name) => html`<li><a href="#${anchors[name]}">${name}</a></li>`)}</ul></nav>
<main id="main" tabindex="-1">
${governanceSection(report)}
${checklistSection(report)}
${checksSection(report, setting)}
${timelineSection(report)}
${history}
${runSection(report)}
</main>
<footer><p>Written by preflight. This file asks nobody for anything: it can be kept, sent and opened anywhere.</p></footer>
<script>${new Markup(script)}</script>
</body>
</html>
`;
  return page.text;
}

const anchors: Record<string, string> = {
  ...{ Checks: 'checks', Timeline: 'timeline', 'Past runs': 'history', 'This run': 'run' },
};

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

const policy = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(script)}`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
