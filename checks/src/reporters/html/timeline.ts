import type { CheckResult, Report } from '../../engine/report.ts';
import { inSeconds } from '../order.ts';
import { html, type Markup, type Part } from './markup.ts';
import { anchorOf, badge } from './words.ts';

const width = 1000;
const ticks = 5;
/** Times are whole milliseconds; one that ended within this much after another began may still be what it waited for. */
const roundingMs = 2;
/** Who began this early waited for nobody. */
const atOnceMs = 50;

/** When each check looked, how long it waited for the stack to come up, and who had to end before its turn came. */
export function timelineSection(report: Report): Markup {
  // What was taken up from an earlier run had its times in that one.
  const results = report.results.filter(({ takenUp }) => takenUp === undefined);
  const ordered = results.toSorted((one, other) => one.startedAtMs - other.startedAtMs);
  const wholeMs = Math.max(1, ...results.map(endOf));
  const rows = ordered.map((result) => row(result, waitedFor(result, results), wholeMs));
  const axis = Array.from(
    { length: ticks },
    (_, index) => html`<span>${inSeconds((wholeMs * index) / (ticks - 1))}</span>`,
  );
  return html`<section aria-labelledby="timeline"><h2 id="timeline">Timeline</h2>
<p class="soft">When each check looked. Pale: it waited for the throwaway stack to come up. “After” names the check whose end made room for it.</p>
<div class="card"><table class="timeline"><thead><tr><th scope="col">check</th><th scope="col">began</th><th scope="col">took</th><th scope="col" class="bar"><span class="axis" aria-hidden="true">${axis}</span><span class="hidden">bar</span></th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function endOf({ startedAtMs, durationMs }: CheckResult): number {
  return startedAtMs + durationMs;
}

/** The last one to end before this one began. */
export function waitedFor(result: CheckResult, results: readonly CheckResult[]): string | undefined {
  if (result.startedAtMs <= atOnceMs) return undefined;
  const before = results.filter((other) => other !== result && endOf(other) <= result.startedAtMs + roundingMs);
  return before.toSorted((one, other) => endOf(other) - endOf(one))[0]?.id;
}

function row(result: CheckResult, after: string | undefined, wholeMs: number): Markup {
  const scale = width / wholeMs;
  const { id, outcome, startedAtMs, durationMs, waitedForStackMs = 0 } = result;
  const rect = (name: string, fromMs: number, lengthMs: number) =>
    html`<rect class="${name}" x="${fromMs * scale}" width="${Math.max(2, lengthMs * scale)}" height="16"/>`;
  const waited: Part =
    waitedForStackMs > atOnceMs && html` <small>${inSeconds(waitedForStackMs)} of it for the stack</small>`;
  return html`<tr><th scope="row"><a href="#${anchorOf(id)}">${id}</a> ${outcome !== 'pass' && badge(outcome)}${after && html`<small>after ${after}</small>`}</th>
<td class="number">${inSeconds(startedAtMs)}</td><td class="number">${inSeconds(durationMs)}${waited}</td>
<td class="bar" aria-hidden="true"><svg viewBox="0 0 ${width} 16" preserveAspectRatio="none"><rect class="track" width="${width}" height="16"/>${waitedForStackMs > 0 && rect('waiting', startedAtMs, waitedForStackMs)}${rect(`look ${outcome}`, startedAtMs + waitedForStackMs, durationMs - waitedForStackMs)}</svg></td></tr>`;
}
