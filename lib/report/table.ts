import { type Content, type Html, html } from './html.ts';

/** Rows whose first cell says what they are. */
export interface Table {
  caption: Content;
  heading: readonly Content[];
  rows: ReadonlyArray<readonly Content[]>;
  /** Of text rather than numbers: cells begin at the left. */
  text?: boolean;
}

/** A table that scrolls sideways by itself where the page is too narrow for it. */
export function dataTable({ caption, heading, rows, text = false }: Table): Html {
  const cells = ([first = null, ...rest]: readonly Content[]) =>
    html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`;
  return scrolling(html`<table${text ? html` class="text"` : null}>
<caption>${caption}</caption>
<thead><tr>${heading.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(cells)}</tbody>
</table>`);
}

/** What is wider than the page scrolls by itself, with the keyboard too. */
export function scrolling(content: Html): Html {
  return html`<div class="wide" tabindex="0" role="group">${content}</div>`;
}

/** Names and what they stand for. */
export function facts(pairs: ReadonlyArray<readonly [string, Content]>): Html {
  return html`<dl class="facts">${pairs.map(([name, fact]) => html`<div><dt>${name}</dt><dd>${fact}</dd></div>\n`)}</dl>`;
}
