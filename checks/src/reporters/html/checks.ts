import type { CheckResult, Outcome, Report, ReportedFinding } from '../../engine/report.ts';
import { type PastRun, summaryOf } from '../../io/history.ts';
import { bounded } from '../json.ts';
import { byUrgency, countOutcomes, inSeconds, placeOf } from '../order.ts';
import type { Described, Setting } from '../setting.ts';
import { cut } from '../visible.ts';
import { chartsSection } from './charts.ts';
import { sparkline } from './history.ts';
import { html, type Markup } from './markup.ts';
import { anchorOf, badge, linked, moment } from './words.ts';

const findingsShown = 50;
const longestMessage = 1_000;
const longestFacts = 20_000;

/** Every check as a card that opens; what is not ready comes first and is open already. */
export function checksSection(report: Report, { described, history }: Setting): Markup {
  const runs = [...history, summaryOf(report)];
  const cards = byUrgency(report.results).map((result) => card(result, described.get(result.id), runs));
  return html`<section aria-labelledby="checks"><h2 id="checks">Checks</h2>
${filter(report)}
<div id="cards">${cards}</div></section>`;
}

/** Hidden until the script runs: without it, it would do nothing. */
function filter({ results }: Report): Markup {
  const boxes = countOutcomes(results).map(
    ([outcome, count]) =>
      html`<label class="choice"><input type="checkbox" name="outcome" value="${outcome}" checked> ${badge(outcome)} ${count}</label>`,
  );
  return html`<div id="filter" role="search" aria-label="Checks" hidden>
<label for="filter-text">Filter</label> <input id="filter-text" type="search" autocomplete="off" spellcheck="false" placeholder="name, file, message, fact">
<fieldset><legend class="hidden">Outcomes to show</legend>${boxes}</fieldset>
<button id="toggle-all" type="button">Open all</button>
<p id="filter-count" role="status" aria-live="polite">${results.length} of ${results.length} shown</p></div>`;
}

function card(result: CheckResult, described: Described | undefined, runs: readonly PastRun[]): Markup {
  const { id, outcome, severity, kind, examined, unit, durationMs } = result;
  return html`<details class="card check" id="${anchorOf(id)}" data-outcome="${outcome}"${needsAPerson(outcome) && html` open`}>
<summary><span class="head">${badge(outcome)}<h3>${id}</h3></span><span class="soft tail">${sparkline(id, runs)}<span>${severity}${kind === 'drill' && ' drill'}</span><span>${examined} ${unit}</span><span>${inSeconds(durationMs)}</span></span></summary>
<div class="body">${findings(result)}${missing(result)}${waiver(result)}${chartsSection(result)}${facts(result)}${about(result, described)}</div></details>`;
}

function needsAPerson(outcome: Outcome): boolean {
  return outcome === 'fail' || outcome === 'error' || outcome === 'not-run';
}

/** Findings with the same fix stand under it together. */
function findings({ findings: all }: CheckResult): Markup[] {
  const groups = Map.groupBy(all.slice(0, findingsShown), ({ fix }) => fix);
  const more = all.length - findingsShown;
  const shown = [...groups].map(
    ([fix, group]) =>
      html`<div class="finding"><p class="fix"><strong>Fix</strong> ${cut(fix, longestMessage)}</p><ul>${group.map(finding)}</ul></div>`,
  );
  return more > 0 ? [...shown, html`<p class="soft">… and ${more} more: the JSON report has them all.</p>`] : shown;
}

function finding({ message, fingerprint, ...place }: ReportedFinding): Markup {
  const where = placeOf(place);
  return html`<li>${where && html`<code class="place">${where}</code> `}<bdi class="message">${cut(message, longestMessage)}</bdi> <small>fingerprint <code>${fingerprint}</code></small></li>`;
}

function missing({ missing: absent = [] }: CheckResult): Markup | undefined {
  if (absent.length === 0) return undefined;
  return html`<div class="finding"><p><strong>It was not run, because this is missing</strong></p><ul>${absent.map((each) => html`<li>${each}</li>`)}</ul></div>`;
}

function waiver({ waiver: accepted }: CheckResult): Markup | undefined {
  if (!accepted) return undefined;
  const { reason, owner, approver, expires } = accepted;
  return html`<p class="fix waiver"><strong>Waived</strong> until ${expires}, approved by ${approver}, owned by ${owner}: ${reason}</p>`;
}

function facts({ id, facts: seen }: CheckResult): Markup | undefined {
  if (seen === null || seen === undefined) return undefined;
  const text = cut(JSON.stringify(bounded(seen), null, 2), longestFacts);
  return html`<details class="facts"><summary>What it saw</summary><pre tabindex="0" role="region" aria-label="What ${id} saw">${text}</pre></details>`;
}

function about(result: CheckResult, described: Described | undefined): Markup {
  const { covers, id, takenUp, cached, attempts } = result;
  const rows: [string, Markup | false | undefined][] = [
    ['why', described && html`${described.why}`],
    ['source', described && linked(described.source)],
    ['answers', covers.length > 0 && html`${covers.join(', ')}`],
    ['looked at', takenUp && html`in an earlier run, ${moment(takenUp.lookedAt)}: taken up from its evidence`],
    [
      'looked at',
      cached &&
        html`in an earlier run, ${moment(cached.lookedAt)}: nothing of its key <code>${cached.key}</code> has changed`,
    ],
    ['attempts', attempts && html`<ol>${attempts.map(attempt)}</ol>`],
    ['again', html`<code>npx preflight run ${id}</code>`],
  ];
  const shown = rows.flatMap(([name, value]) => (value ? [html`<dt>${name}</dt><dd>${value}</dd>`] : []));
  return html`<dl class="about">${shown}</dl>`;
}

function attempt({ outcome, message, durationMs }: NonNullable<CheckResult['attempts']>[number]): Markup {
  return html`<li>${badge(outcome)} ${inSeconds(durationMs)} <bdi>${cut(message, longestMessage)}</bdi></li>`;
}
