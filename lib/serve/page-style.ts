/** Style of the page on which people try a model, in addition to that of all pages. */
export const PAGE_STYLE = `
.token { background: var(--panel); border-radius: .4rem; padding: 1rem; max-width: 30rem; }
.token label { display: block; font-weight: 600; margin-bottom: .4rem; }
.token div { display: flex; flex-wrap: wrap; gap: .5rem; }
.token input {
  flex: 1 1 12rem; min-width: 0; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--soft);
  border-radius: .4rem; padding: .45rem .7rem;
}
.token p { margin: .5rem 0 0; }
.drop { border: 2px dashed var(--line); border-radius: .6rem; padding: 1.5rem 1rem; text-align: center; }
.drop p { margin: .8rem auto 0; color: var(--soft); }
.drop .button { display: inline-block; }
.drop input { position: absolute; width: 1px; height: 1px; opacity: 0; }
.drop input:focus-visible + label { outline: 2px solid var(--c0); outline-offset: 2px; }
.dropping .drop { border-color: var(--c0); background: var(--panel); }
#status { min-height: 1.45em; max-width: none; }
.pictures {
  list-style: none; margin: 1.5rem 0; padding: 0; display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); align-items: start;
}
.pictures > li { background: var(--panel); border-radius: .6rem; padding: 1rem; min-width: 0; }
.pictures h2 { font-size: 1rem; margin: 0 0 .7rem; padding: 0; border: 0; overflow-wrap: anywhere; max-height: 3.6em; overflow: hidden; }
.stage { display: grid; place-items: center; margin-bottom: .7rem; padding: 4px; }
.view {
  position: relative; aspect-ratio: var(--ratio); width: min(100%, 13rem * var(--ratio));
  min-width: 2rem; min-height: 2rem; max-height: 13rem;
}
.view > * { position: absolute; left: var(--left); top: var(--top); width: var(--width); height: var(--height); }
.view .seen { outline: 2px solid #fff; box-shadow: 0 0 0 4px #000; pointer-events: none; }
.view .padding { background: repeating-linear-gradient(45deg, var(--line) 0 .35rem, transparent 0 .7rem); }
.bars { list-style: none; margin: .4rem 0; padding: 0; }
.bars li { display: grid; grid-template-columns: 1fr auto; gap: 0 .5rem; padding: .15rem 0; overflow-wrap: anywhere; }
.bars li:first-child { font-weight: 600; }
.bars i {
  grid-column: 1 / -1; height: .4rem; border-radius: .2rem;
  background: linear-gradient(var(--c0), var(--c0)) 0 / var(--share) 100% no-repeat var(--line);
}
.pictures .error { margin: .4rem 0; }
.pictures .note { margin: .4rem 0; }
.pictures .note:empty { display: none; }
.actions { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .8rem; }
.actions button { background: none; color: var(--c0); border: 1px solid var(--c0); padding: .35rem .8rem; font-size: .94rem; }
.actions [aria-pressed=true] { background: var(--c0); color: var(--paper); }
`;
