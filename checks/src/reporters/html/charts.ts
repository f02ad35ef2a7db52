import { type Chart, type ChartPoint, chartsOf } from '../../engine/chart.ts';
import type { CheckResult } from '../../engine/report.ts';
import { html, type Markup } from './markup.ts';
import { figure } from './words.ts';

/** Inside of every drawing; a page's width stretches it, so that it fits a phone and a desk. */
const [width, height] = [1000, 240];

/** The measurements of a check, drawn. Every figure that is drawn stands beside it as text. */
export function chartsSection({ facts }: CheckResult): Markup | undefined {
  const charts = chartsOf(facts);
  if (charts.length === 0) return undefined;
  return html`<div class="charts">${charts.map((chart) => figureOf(chart))}</div>`;
}

function figureOf(chart: Chart): Markup {
  const bound = chart.bound === undefined ? '' : `, at most ${figure(chart.bound)} ${chart.unit}`;
  return html`<figure>
<figcaption>${chart.title} <small>in ${chart.unit}${bound}</small></figcaption>
${chart.form === 'line' ? line(chart) : bars(chart)}
</figure>`;
}

function highest({ points, bound }: Chart): number {
  const values = points.flatMap((point) => [point.value, point.bound ?? 0]);
  return Math.max(...values, bound ?? 0) || 1;
}

function isBeyond(point: ChartPoint, chart: Chart): boolean {
  const bound = point.bound ?? chart.bound;
  return bound !== undefined && point.value > bound;
}

function bars(chart: Chart): Markup {
  const scale = width / (highest(chart) * 1.02);
  const rows = chart.points.map((point) => {
    const bound = point.bound ?? chart.bound;
    const beyond = isBeyond(point, chart);
    const limit = bound === undefined ? '' : `${beyond ? 'beyond' : 'within'} ${figure(bound)}`;
    return html`<tr><th scope="row">${point.label}</th>
<td class="bar" aria-hidden="true"><svg viewBox="0 0 ${width} 20" preserveAspectRatio="none"><rect class="track" width="${width}" height="20"/><rect class="${beyond ? 'beyond' : 'within'}" width="${Math.max(0, point.value * scale)}" height="20"/>${bound !== undefined && html`<rect class="bound" x="${bound * scale}" width="4" height="20"/>`}</svg></td>
<td class="number">${figure(point.value)} <small>${limit}</small></td></tr>`;
  });
  return html`<table class="chart"><thead class="hidden"><tr><th>point</th><th aria-hidden="true">bar</th><th>${chart.unit}</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function line(chart: Chart): Markup {
  const { points, bound, title } = chart;
  const top = highest(chart) * 1.05;
  const x = (index: number) => (points.length === 1 ? 0 : (index * width) / (points.length - 1));
  const y = (value: number) => height - (Math.max(0, value) * height) / top;
  const path = points.map(({ value }, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const [first, last] = [points[0], points.at(-1)];
  return html`<div class="line-chart" aria-hidden="true">
<p class="axis"><span>${figure(top)} ${chart.unit}</span></p>
<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none"><rect class="track" width="${width}" height="${height}"/>${bound !== undefined && html`<line class="bound" x1="0" x2="${width}" y1="${y(bound)}" y2="${y(bound)}"/>`}<polyline class="curve" points="${path}"/></svg>
<p class="axis"><span>${first?.label ?? ''}</span><span>${last?.label ?? ''}</span></p></div>
<details class="figures"><summary>${title} as figures</summary><dl class="points">${points.map(({ label, value }) => html`<div><dt>${label}</dt><dd>${figure(value)}</dd></div>`)}</dl></details>`;
}
