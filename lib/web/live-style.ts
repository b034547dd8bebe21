/** Style of what only pages with a server have, in addition to that of a report. */
export const LIVE_STYLE = `
[hidden] { display: none !important; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.state { font-size: 1.1rem; margin-bottom: 0; }
.state::before { content: '●'; margin-right: .4rem; color: var(--soft); }
.state[data-state=running]::before { color: var(--right); }
.state:empty { display: none; }
.activity { margin: .2rem 0; }
button, .button {
  font: inherit; color: var(--paper); background: var(--c0); border: 0; border-radius: .4rem; padding: .5rem 1rem; cursor: pointer;
}
button.plain { background: none; color: var(--c0); padding: .3rem 0; text-decoration: underline; text-underline-offset: .2em; }
button:focus-visible, input:focus-visible, .wide:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
progress { width: 100%; height: .6rem; accent-color: var(--c0); }
`;
