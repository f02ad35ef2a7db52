/** Light and dark by what the reader's system prefers; one column that is as fit for a phone as for a desk. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #dfe3e8; --sunk: #f0f2f5;
  --pass: #116a42; --fail: #b42318; --error: #9a4a00; --not-run: #7a5200; --waived: #5d3fb3; --link: #1d55c0;
  --pass-back: #e3f4ea; --fail-back: #fdeae8; --error-back: #fdeedd; --not-run-back: #fbf2d9; --waived-back: #eee9fb;
  --shadow: 0 1px 2px rgb(16 24 40 / 6%);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1215; --card: #171b20; --ink: #e6e9ed; --soft: #a3adb8; --line: #2a3138; --sunk: #11151a;
    --pass: #5cd49a; --fail: #ff938a; --error: #ffab66; --not-run: #f1c253; --waived: #bba8ff; --link: #8db7ff;
    --pass-back: #10291d; --fail-back: #35171a; --error-back: #33210f; --not-run-back: #2d2610; --waived-back: #241f3a;
    --shadow: none;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--page); color: var(--ink); }
main, footer, nav ul, .inner { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
main:focus { outline: none; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 4px; }
a { color: var(--link); text-underline-offset: .15em; }
h1, h2, h3, p, ul, dl, dd, figure { margin: 0; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 2.75rem 0 .75rem; letter-spacing: -.01em; }
ul { padding-left: 1.15rem; }
small, .soft { color: var(--soft); }
small { font-size: .8125rem; }
code, pre, h3 { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
code { font-size: .875em; overflow-wrap: anywhere; }
.hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }
.skip { position: absolute; left: 1rem; top: -5rem; z-index: 2; padding: .5rem 1rem; background: var(--card); border-radius: 6px; }
.skip:focus { top: 1rem; }

.verdict { border-top: 6px solid var(--tone); background: var(--back); border-bottom: 1px solid var(--line); padding: 1.5rem 0 1.75rem; }
.verdict.GO { --tone: var(--pass); --back: var(--pass-back); }
.verdict.NO-GO { --tone: var(--fail); --back: var(--fail-back); }
.verdict.UNKNOWN { --tone: var(--not-run); --back: var(--not-run-back); }
.brand { font-weight: 600; letter-spacing: .08em; text-transform: uppercase; font-size: .75rem; color: var(--soft); }
h1 { display: flex; align-items: center; gap: .9rem; font-size: clamp(2.5rem, 9vw, 4rem); line-height: 1.15; letter-spacing: -.03em; color: var(--tone); margin: .25rem 0 .35rem; }
.sign { display: inline-grid; place-items: center; width: 1.05em; height: 1.05em; border-radius: 50%; background: var(--tone); color: var(--back); font-size: .7em; font-weight: 700; line-height: 1; }
.sentence { font-size: 1.2rem; text-wrap: balance; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem 1.1rem; list-style: none; padding: 0; margin: 1rem 0 .9rem; font-variant-numeric: tabular-nums; font-weight: 600; }
.verdict .soft { font-size: .9rem; }

nav { position: sticky; top: 0; z-index: 1; background: var(--page); border-bottom: 1px solid var(--line); }
nav ul { display: flex; gap: 1.4rem; list-style: none; overflow-x: auto; }
nav a { display: block; padding: .7rem 0; color: var(--ink); text-decoration: none; font-size: .925rem; white-space: nowrap; }
nav a:hover { color: var(--link); text-decoration: underline; }
section, .check { scroll-margin-top: 3.5rem; }
h2 { scroll-margin-top: 3.5rem; }
h2 + .soft { margin: -.35rem 0 .75rem; font-size: .925rem; }

.badge { display: inline-flex; align-items: center; gap: .35em; padding: .1rem .55rem .1rem .45rem; border-radius: 999px; font-size: .8125rem; font-weight: 600; line-height: 1.45; white-space: nowrap; color: var(--tone); background: var(--back); border: 1px solid color-mix(in srgb, var(--tone) 35%, transparent); }
.mark { font-weight: 800; }
.pass, .GO { --tone: var(--pass); --back: var(--pass-back); }
.fail, .NO-GO { --tone: var(--fail); --back: var(--fail-back); }
.error { --tone: var(--error); --back: var(--error-back); }
.not-run, .UNKNOWN { --tone: var(--not-run); --back: var(--not-run-back); }
.waived { --tone: var(--waived); --back: var(--waived-back); }

#filter { display: flex; flex-wrap: wrap; align-items: center; gap: .65rem .9rem; margin-bottom: 1rem; }
#filter > label { font-weight: 600; }
input[type=search] { font: inherit; color: inherit; background: var(--card); border: 1px solid color-mix(in srgb, var(--soft) 70%, transparent); border-radius: 8px; padding: .4rem .7rem; min-width: 0; flex: 1 1 14rem; max-width: 24rem; }
fieldset { display: flex; flex-wrap: wrap; gap: .4rem 1rem; border: 0; padding: 0; margin: 0; min-width: 0; }
.choice { display: inline-flex; align-items: center; gap: .4rem; font-variant-numeric: tabular-nums; min-height: 1.75rem; }
input[type=checkbox] { width: 1.05rem; height: 1.05rem; margin: 0; accent-color: var(--link); }
button { font: inherit; font-size: .9rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .35rem .8rem; cursor: pointer; }
button:hover { border-color: var(--link); }
#filter-count { color: var(--soft); font-size: .9rem; font-variant-numeric: tabular-nums; }

.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; box-shadow: var(--shadow); padding: 1rem 1.15rem; }
.fault { border-left: 4px solid var(--fail); }
.check { padding: 0; margin-bottom: .5rem; }
.check[data-outcome=fail] { border-left: 4px solid var(--fail); }
.check[data-outcome=error] { border-left: 4px solid var(--error); }
.check[data-outcome=not-run] { border-left: 4px solid var(--not-run); }
.check[data-outcome=waived] { border-left: 4px solid var(--waived); }
summary { cursor: pointer; }
.check > summary { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: .3rem 1.25rem; padding: .65rem 1.15rem; list-style: none; border-radius: 10px; }
.check > summary::-webkit-details-marker { display: none; }
.check > summary:hover { background: var(--sunk); }
.head { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .75rem; min-width: 0; }
.head::before { content: ""; flex: none; width: .45rem; height: .45rem; margin: 0 .1rem 0 -.1rem; border: solid var(--soft); border-width: 0 2px 2px 0; transform: rotate(-45deg); }
.check[open] > summary .head::before { transform: translateY(-.1rem) rotate(45deg); }
h3 { font-size: .9375rem; font-weight: 600; overflow-wrap: anywhere; min-width: 0; }
.tail { display: flex; flex-wrap: wrap; align-items: center; gap: .15rem 1.1rem; font-size: .8125rem; font-variant-numeric: tabular-nums; }
.tail > :last-child { min-width: 3.2rem; text-align: right; }
.tail > :nth-last-child(2) { min-width: 8.5rem; text-align: right; }
.tail > :nth-last-child(3) { min-width: 4.4rem; }
.spark { display: inline-flex; }
.body { border-top: 1px solid var(--line); padding: 1rem 1.15rem 1.1rem; display: grid; gap: 1rem; min-width: 0; }
.body > * { min-width: 0; }
.finding { display: grid; gap: .5rem; }
.finding li { margin: .2rem 0; overflow-wrap: anywhere; }
.fix { background: var(--sunk); border-radius: 8px; padding: .6rem .85rem; overflow-wrap: anywhere; }
.fix strong { display: inline-block; margin-right: .4rem; }
.place { font-weight: 600; }
.message { white-space: pre-wrap; }
.figures summary, .facts summary { color: var(--link); font-size: .9rem; width: fit-content; }
pre { margin: .5rem 0 0; padding: .8rem 1rem; background: var(--sunk); border: 1px solid var(--line); border-radius: 8px; font-size: .8125rem; line-height: 1.5; max-height: 26rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.about { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.1rem; font-size: .9rem; }
.about dt { color: var(--soft); }
.about dd { overflow-wrap: anywhere; }
.row { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; list-style: none; padding: 0; }

table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th { text-align: left; font-weight: 500; }
thead th { color: var(--soft); font-size: .8125rem; }
td, th { padding: .35rem .75rem .35rem 0; vertical-align: middle; }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.number small { display: block; }
.bar svg, .line-chart svg { display: block; width: 100%; }
.track { fill: var(--sunk); }
.look { fill: var(--tone); }
.waiting { fill: var(--soft); opacity: .35; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.25rem 2rem; }
figcaption { font-weight: 600; font-size: .9rem; margin-bottom: .25rem; overflow-wrap: anywhere; }
.chart th { white-space: nowrap; font-family: ui-monospace, monospace; font-size: .8125rem; }
.chart .bar { width: 100%; }
.chart .bar svg { height: .8rem; border-radius: 3px; }
.chart td, .chart th { padding-top: .15rem; padding-bottom: .15rem; }
.within { fill: var(--link); }
.beyond { fill: var(--fail); }
rect.bound { fill: var(--ink); }
line.bound { stroke: var(--fail); stroke-width: 1.5; stroke-dasharray: 6 5; vector-effect: non-scaling-stroke; }
.curve { fill: none; stroke: var(--link); stroke-width: 2; vector-effect: non-scaling-stroke; }
.line-chart svg { height: 9rem; }
.points { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 0 1.5rem; margin-top: .4rem; font-size: .8125rem; font-variant-numeric: tabular-nums; }
.points div { display: flex; justify-content: space-between; gap: .75rem; border-bottom: 1px solid var(--line); }
.points dt { color: var(--soft); }
.axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .75rem; font-variant-numeric: tabular-nums; }
.timeline th[scope=row] { width: 34%; overflow-wrap: anywhere; }
.timeline th small { display: block; }
.timeline .bar { width: 44%; padding-right: 0; }
.timeline .bar svg { height: .9rem; border-radius: 3px; }
.timeline tbody tr, .history tbody tr { border-top: 1px solid var(--line); }
.wide { overflow-x: auto; }
.history td { white-space: nowrap; }
.history td:nth-child(4) { white-space: normal; min-width: 9rem; }
footer { padding-top: 2rem; padding-bottom: 3rem; color: var(--soft); font-size: .875rem; }

@media (max-width: 44rem) {
  main, footer, nav ul, .inner { padding: 0 1rem; }
  .timeline thead { display: none; }
  .timeline, .timeline tbody { display: block; }
  .timeline tbody tr { display: grid; grid-template-columns: auto 1fr; gap: 0 .75rem; padding: .6rem 0; }
  .timeline tbody tr:first-child { border-top: 0; }
  .timeline th[scope=row], .timeline .bar { grid-column: 1 / -1; width: auto; padding: 0 0 .3rem; }
  .timeline td.number { padding: 0 0 .3rem; }
  .timeline td.number:nth-of-type(1)::before { content: "at "; color: var(--soft); }
  .timeline td.number:nth-of-type(2)::before { content: "for "; color: var(--soft); }
  .tail > :nth-last-child(n) { min-width: 0; text-align: left; }
  .about { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .about dd { margin-bottom: .5rem; }
}
@media print { nav, #filter, .skip { display: none; } .card { break-inside: avoid; box-shadow: none; } }
`;
