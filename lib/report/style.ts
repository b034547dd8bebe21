/** Style sheet of a report, for light and dark, narrow and wide screens and for print. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --ink: #1d1f21; --soft: #5b6066; --line: #d9dad4; --panel: #f4f4ef;
  --right: #2b7a4b; --wrong: #c2410c; --warn: #fff3d6;
  --c0: #1f5fa8; --c1: #b4530a; --c2: #2b7a4b; --c3: #9b2c6f; --c4: #6b4fb3; --c5: #4d6470;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181a; --ink: #e6e6e2; --soft: #a4a9ae; --line: #383c40; --panel: #1f2225;
    --right: #5cb882; --wrong: #f08a4b; --warn: #3a2f12;
    --c0: #7db4f0; --c1: #f0a35e; --c2: #6cc592; --c3: #e58bbd; --c4: #b5a0f0; --c5: #a9bcc6;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 78rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
h1, h2, h3 { line-height: 1.2; text-wrap: balance; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); margin: 0 0 .6rem; letter-spacing: -.015em; }
h2 { font-size: 1.35rem; margin: 3rem 0 1rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { max-width: 44rem; margin: .75rem 0; }
a { color: var(--c0); text-underline-offset: .2em; }
code, pre { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
h1 code { font-size: .9em; }
.hash { overflow-wrap: anywhere; }
.lede { font-size: 1.1rem; }
.note, small, .table figcaption { color: var(--soft); font-size: .88rem; line-height: 1.45; }
.warning { background: var(--warn); border-left: 3px solid var(--wrong); padding: .6rem .9rem; }
nav ul, .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; margin: 1rem 0; padding: 0; }
.neighbours { font-size: .92rem; }
.neighbours ul { align-items: baseline; }
.made { margin: 1rem 0; }
.made span { color: var(--soft); font-size: .85rem; }
.made pre { margin: .15rem 0 0; }
pre code { user-select: all; -webkit-user-select: all; }
nav a { display: inline-block; padding: .3rem 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
.tiles div { background: var(--panel); border-radius: .4rem; padding: .8rem 1rem; }
.tiles dt { color: var(--soft); font-size: .85rem; }
.tiles dd { margin: .1rem 0 0; font-size: 1.5rem; font-weight: 600; letter-spacing: -.01em; line-height: 1.25; }
.tiles dd small { display: block; font-weight: 400; letter-spacing: 0; }
.facts { margin: 1rem 0; columns: 2 26rem; column-gap: 2.5rem; }
.facts div { break-inside: avoid; display: grid; grid-template-columns: 10rem 1fr; gap: 0 1rem; padding: .4rem 0; border-bottom: 1px solid var(--line); }
.facts dt { color: var(--soft); overflow-wrap: anywhere; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.beside { display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: flex-start; }
.beside > * { flex: 0 1 auto; max-width: 100%; min-width: 0; }
.halves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 0 2.5rem; align-items: start; }
.table { margin: 1rem 0 1.5rem; }
.beside figcaption { width: 0; min-width: 100%; }
.table figcaption { max-width: 44rem; }
.wide { overflow-x: auto; max-width: 100%; margin: .3rem 0; }
.wide:focus-visible, summary:focus-visible, a:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .94rem; }
th, td { padding: .35rem .75rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
thead th { font-weight: 600; color: var(--soft); vertical-align: bottom; }
th:first-child, .text th, .text td { text-align: left; }
.text td { white-space: normal; min-width: 9rem; max-width: 22rem; overflow-wrap: anywhere; }
.text th, .text td { vertical-align: top; }
tbody th { font-weight: 500; }
.figures td span { white-space: nowrap; }
.figures td small { color: inherit; font-size: .88em; }
.narrow td small { display: block; }
.narrow thead th { white-space: normal; }
th:first-child, td:first-child { padding-left: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 2rem 2.5rem; align-items: start; }
.charts:has(> :nth-child(3):last-child) { grid-template-columns: repeat(auto-fit, minmax(min(100%, 23rem), 1fr)); }
figure { margin: 0; min-width: 0; }
.chart figcaption { font-weight: 600; }
.chart > svg { display: block; width: 100%; max-width: 32rem; height: auto; margin: .25rem 0; }
.legend { margin: .2rem 0; font-size: .9rem; }
.legend li { display: flex; align-items: center; gap: .45rem; }
svg text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--soft); }
svg .label { fill: var(--ink); }
svg path { fill: none; stroke: var(--line); }
svg .axis > path:not(.grid), svg .level, svg .moment { stroke: var(--soft); }
svg .level { stroke-dasharray: 1 3; stroke-width: 1.5; }
svg .moment { stroke-dasharray: 3 3; }
svg .series .line { stroke: var(--colour); stroke-width: 2; stroke-linejoin: round; }
svg .series .band { fill: var(--colour); opacity: .16; stroke: none; }
svg .series .marker { stroke: var(--paper); fill: var(--colour); }
.c0 { --colour: var(--c0); } .c1 { --colour: var(--c1); } .c2 { --colour: var(--c2); }
.c3 { --colour: var(--c3); } .c4 { --colour: var(--c4); } .c5 { --colour: var(--c5); }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--c0); font-size: .9rem; padding: .3rem 0; }
details .wide { max-height: 26rem; overflow-y: auto; }
pre { margin: .75rem 0; padding: .8rem 1rem; background: var(--panel); border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.matrix th, .matrix td { padding: .2rem .3rem; line-height: 1.25; border: 0; min-width: 2.6rem; }
.matrix tbody th { text-align: left; position: sticky; left: 0; background: var(--paper); padding-left: 0; }
.matrix thead th { text-align: center; font-weight: 500; }
.matrix thead span { writing-mode: vertical-rl; transform: rotate(180deg); }
.matrix tbody td { text-align: center; border: 1px solid var(--paper); background: var(--panel); }
.matrix tbody td.right { background: color-mix(in srgb, var(--right) calc(var(--share) * .45), var(--panel)); font-weight: 600; }
.matrix tbody td.wrong { background: color-mix(in srgb, var(--wrong) calc(var(--share) * .4 + 6%), var(--panel)); }
.matrix td small { display: block; color: inherit; font-size: .76rem; font-weight: 400; line-height: 1.2; }
.matrix tbody td.none { color: var(--soft); }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1.75rem 1.5rem; margin: 1rem 0; }
.images { display: flex; gap: .4rem; }
.images img { width: calc(50% - .2rem); aspect-ratio: 1; object-fit: contain; background: var(--panel); border-radius: .25rem; }
.samples { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: 1.2rem 1.5rem; }
.samples .images img { width: calc(25% - .3rem); }
.samples figcaption { margin-top: .2rem; }
.gallery figcaption { margin-top: .4rem; line-height: 1.4; }
.gallery ol { list-style: none; margin: .4rem 0; padding: 0; font-size: .9rem; }
.gallery li { display: grid; grid-template-columns: 1fr auto; gap: 0 .5rem; padding: .1rem 0; }
.gallery li i { grid-column: 1 / -1; height: 3px; background: linear-gradient(var(--c0), var(--c0)) 0 / var(--share) 100% no-repeat var(--line); }
.gallery small { overflow-wrap: anywhere; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; }
@media (max-width: 40rem) {
  .facts div { grid-template-columns: 1fr; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles div { padding: .7rem .8rem; }
  .tiles dd { font-size: 1.3rem; }
  .chart svg text { font-size: 15px; }
  table { font-size: .88rem; }
  th, td { padding: .35rem .25rem; }
  thead th { white-space: normal; font-size: .92em; }
  tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 4.9rem; }
  .figures td { white-space: normal; }
  .narrow { font-size: .8rem; }
  .stacked thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  .stacked, .stacked tbody, .stacked tr, .stacked th, .stacked td { display: block; text-align: left; }
  .stacked th, .stacked td { padding: .15rem 0; border: 0; min-width: 0; }
  .stacked tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .stacked td { display: grid; grid-template-columns: 10rem 1fr; gap: 0 .5rem; white-space: normal; }
  .stacked td::before { content: attr(data-name); color: var(--soft); }
  .stacked td > * { grid-column: 2; }
  .stacked td:empty { display: none; }
  .narrow tbody th, .matrix tbody th { min-width: 6em; }
  .narrow th:last-child, .narrow td:last-child { padding-right: 0; }
  .figures td small { display: block; }
  .text td { min-width: 6.5rem; }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --panel: #f2f2f2; --right: #2b7a4b; --wrong: #c2410c; --warn: #fff;
    --c0: #1f5fa8; --c1: #b4530a; --c2: #2b7a4b; --c3: #9b2c6f; --c4: #6b4fb3; --c5: #4d6470;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, details:not([open]) { display: none; }
  figure, tr, .tiles div { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .wide { overflow: visible; }
  .matrix td, .tiles div, .gallery i { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
