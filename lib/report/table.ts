import { type Content, type Html, html } from './html.ts';

/** Content of a table; the first cell of each row is its heading. */
export interface Table {
  caption: string;
  heading: readonly Content[];
  rows: ReadonlyArray<readonly Content[]>;
  /** Whether cells hold text, which is left-aligned and wraps, instead of numbers. */
  text?: boolean;
}

/** Builds a table. It scrolls sideways if the page is too narrow. */
export function dataTable({ caption, heading, rows, text = false }: Table): Html {
  const row = ([first = null, ...rest]: readonly Content[]) =>
    html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`;
  return captioned(
    caption,
    html`<table${text ? html` class="text"` : null}>
<thead><tr>${heading.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(row)}</tbody>
</table>`,
  );
}

/** Puts a caption above a table. The table scrolls, also by keyboard; the caption does not. */
export function captioned(caption: string, table: Html): Html {
  return html`<figure class="table"><figcaption>${caption}</figcaption>
<div class="wide" tabindex="0" role="region" aria-label="${caption}">${table}</div></figure>`;
}

/** Builds a list of names and values. */
export function facts(pairs: ReadonlyArray<readonly [string, Content]>): Html {
  return html`<dl class="facts">${pairs.map(([name, fact]) => html`<div><dt>${name}</dt><dd>${fact}</dd></div>\n`)}</dl>`;
}
