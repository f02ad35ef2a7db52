/** The style sheet of /docs: readable on a phone, in light and in dark. Its digest stands in the page's security policy. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --text: #1a1f26; --soft: #56606c; --line: #d5dbe2; --back: #fff; --block: #f4f6f9; --link: #0a58b8; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e8ee; --soft: #9aa5b1; --line: #343c46; --back: #14181d; --block: #1c2229; --link: #7db4ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1.05rem; margin: 0; font-weight: 600; }
h3 { font-size: .95rem; margin: 1rem 0 .25rem; }
a { color: var(--link); }
p { margin: .25rem 0 .5rem; }
nav ul { list-style: none; margin: 1rem 0; padding: 0; }
nav li { padding: .15rem 0; }
section { border-top: 1px solid var(--line); padding: 1rem 0; scroll-margin-top: 1rem; }
code, pre { font: .875rem/1.45 ui-monospace, Menlo, Consolas, monospace; }
pre { background: var(--block); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; margin: .5rem 0;
  overflow-x: auto; overflow-wrap: normal; }
.method { display: inline-block; min-width: 3.5rem; font-weight: 700; }
.soft { color: var(--soft); }
details { margin: .35rem 0; }
summary { cursor: pointer; padding: .25rem 0; }
ul.fields { list-style: none; margin: .25rem 0; padding-left: 1rem; border-left: 2px solid var(--line); }
ul.fields li { padding: .1rem 0; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
`;
