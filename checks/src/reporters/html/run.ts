import type { Report } from '../../engine/report.ts';
import {
  checklistSentence,
  commitWords,
  countLeftOut,
  countOutcomes,
  inSeconds,
  notApplicable,
  tookMs,
  unanswered,
  verdictSentence,
} from '../order.ts';
import { html, type Markup } from './markup.ts';
import { badge, markOf, moment } from './words.ts';

/** The answer, before anything else. */
export function verdictHeader(report: Report): Markup {
  const counts = countOutcomes(report.results).map(([outcome, count]) => html`<li>${badge(outcome)} ${count}</li>`);
  const partial = countLeftOut(report).byCommandLine > 0;
  return html`<header class="verdict ${report.verdict}"><div class="inner">
<p class="brand">preflight</p>
<h1><span class="sign" aria-hidden="true">${markOf(report.verdict)}</span>${report.verdict}</h1>
<p class="sentence">${verdictSentence(report)}${partial && html` <strong>For what was selected only.</strong>`}</p>
<ul class="counts">${counts}</ul>
<p class="soft">Profile ${report.profile} · ${commitWords(report)} · ${moment(report.startedAt)} · ${inSeconds(tookMs(report))} · exit code ${report.exitCode}</p>
</div></header>`;
}

export function governanceSection({ governance }: Report): Markup | undefined {
  if (governance.length === 0) return undefined;
  return html`<section aria-labelledby="governance"><h2 id="governance">Governance</h2><div class="card fault"><ul>${governance.map((fault) => html`<li>${fault}</li>`)}</ul></div></section>`;
}

/** In a release: what nobody can answer yet. */
export function checklistSection(report: Report): Markup | undefined {
  const without = unanswered(report);
  if (!without) return undefined;
  const items = without.items.map(
    ({ id, severity, planned }) => html`<li><code>${id}</code> ${severity}, planned: <code>${planned}</code></li>`,
  );
  return html`<section aria-labelledby="checklist"><h2 id="checklist">Checklist</h2><div class="card fault"><p>${without.sentence}.</p><details class="figures"><summary>The items</summary><ul>${items}</ul></details></div></section>`;
}

/** What the verdict is about, and what it is not about. */
export function runSection(report: Report): Markup {
  const tools = Object.entries(report.tools).map(([name, version]) => html`<li>${name} ${version}</li>`);
  const rows: [string, Markup][] = [
    ['commit', html`<code>${report.commit || 'none'}</code>${report.dirty && ' with uncommitted changes'}`],
    ['configuration', html`<code>${report.configHash}</code>`],
    ['began', moment(report.startedAt)],
    ['ended', moment(report.finishedAt)],
    ['tools', html`<ul class="row">${tools}</ul>`],
    ['checklist', html`${checklistSentence(report)}`],
    ['not looked at', leftOut(report)],
  ];
  return html`<section aria-labelledby="run"><h2 id="run">This run</h2><div class="card"><dl class="about">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div></section>`;
}

function leftOut(report: Report): Markup {
  if (report.leftOut.length === 0) return html`nothing was left out`;
  const { byProfile, byLength, byCommandLine } = countLeftOut(report);
  const items = report.leftOut.map(
    ({ id, reason, because = '' }) => html`<li><code>${id}</code> <small>${reason}</small> ${because}</li>`,
  );
  return html`<details class="figures"><summary>${byProfile} out of the profile’s scope, ${byLength} that take minutes, ${byCommandLine} left out by the command line, ${notApplicable(report).length} not applicable</summary><ul>${items}</ul></details>`;
}
