import type { Outcome, Report } from '../../engine/report.ts';
import { html, type Markup } from './markup.ts';

const marks: Record<Outcome | Report['verdict'], string> = {
  ...{ fail: '✕', error: '!', 'not-run': '–', waived: '~', pass: '✓' },
  ...{ GO: '✓', 'NO-GO': '✕', UNKNOWN: '?' },
};

/** A mark and the word itself: the colour says nothing that they do not. */
export function badge(word: Outcome | Report['verdict']): Markup {
  return html`<span class="badge ${word}"><span class="mark" aria-hidden="true">${marks[word]}</span>${word}</span>`;
}

export function markOf(word: Outcome | Report['verdict']): string {
  return marks[word];
}

/** The anchor of a check on the page. */
export function anchorOf(id: string): string {
  return `check-${id.replaceAll(/[^\w-]/g, '--')}`;
}

/** A link where it is one that a browser may follow; else the text. */
export function linked(source: string): Markup {
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return html`${source}`;
  return html`<a href="${url.href}" rel="noreferrer noopener">${source}</a>`;
}

/** `2026-06-15 12:00 UTC` */
export function moment(iso: string): Markup {
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

/** 3 digits that matter. */
export function figure(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}
