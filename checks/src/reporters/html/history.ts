import type { Outcome } from '../../engine/report.ts';
import type { PastRun } from '../../io/history.ts';
import { commitWords, countOutcomes, inSeconds, outcomesByUrgency, tookMs } from '../order.ts';
import { html, type Markup } from './markup.ts';
import { badge, moment } from './words.ts';

/** More columns than these are too narrow to be seen. */
const mostColumns = 30;
/** Taller is worse, so that the row can be read without its colours. */
const heights: Record<Outcome, number> = { fail: 16, error: 13, 'not-run': 10, waived: 8, pass: 4 };
const step = 6;

/** Outcomes of one check over the past runs that looked at it, this one last; nothing without a past. */
export function sparkline(id: string, runs: readonly PastRun[]): Markup | undefined {
  const all = runs.flatMap(({ results }) => results.find((result) => result.id === id)?.outcome ?? []);
  const outcomes = all.slice(-mostColumns);
  if (outcomes.length < 2) return undefined;
  const columns = outcomes.map(
    (outcome, index) =>
      html`<rect class="look ${outcome}" x="${index * step}" y="${16 - heights[outcome]}" width="${step - 2}" height="${heights[outcome]}"/>`,
  );
  const length = outcomes.length * step;
  return html`<span class="spark"><svg width="${length}" height="16" viewBox="0 0 ${length} 16" aria-hidden="true">${columns}</svg><span class="hidden">Last ${outcomes.length} runs: ${inWords(outcomes)}.</span></span>`;
}

function inWords(outcomes: readonly Outcome[]): string {
  const counts = countOutcomes(outcomes.map((outcome) => ({ outcome })));
  return counts.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
}

/** The verdicts of past runs, the latest first. */
export function historySection(past: readonly PastRun[], current: PastRun): Markup | undefined {
  if (past.length === 0) return undefined;
  const runs = [...past, current].toReversed();
  const rows = runs.map(
    (run, index) =>
      html`<tr><td>${badge(run.verdict)}</td><td>${moment(run.startedAt)}${index === 0 && html` <small>this run</small>`}</td><td>${run.profile}</td><td>${commitWords(run)}</td><td>${inWords(run.results.map(({ outcome }) => outcome))}</td><td class="number">${inSeconds(tookMs(run))}</td></tr>`,
  );
  return html`<section aria-labelledby="history"><h2 id="history">Past runs</h2>
<p class="soft">The small columns beside each check are its outcomes in these runs: the taller, the worse (${outcomesByUrgency.toReversed().join(', ')}).</p>
<div class="card wide" tabindex="0" role="region" aria-label="Verdicts of past runs"><table class="history"><thead><tr><th scope="col">verdict</th><th scope="col">when</th><th scope="col">profile</th><th scope="col">commit</th><th scope="col">checks</th><th scope="col">took</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}
