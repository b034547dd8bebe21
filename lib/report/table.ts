import { type Content, type Html, html } from './html.ts';

/** Rows whose first cell says what they are. */
export interface Table {
  caption: string;
  heading: readonly Content[];
  rows: ReadonlyArray<readonly Content[]>;
  /** Of text rather than numbers: cells begin at the left, and wrap. */
  text?: boolean;
}

/** A table that scrolls sideways by itself where the page is too narrow for it. */
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

/** A table under its caption, which stays where it is while the table scrolls, with the keyboard too. */
export function captioned(caption: string, table: Html): Html {
  return html`<figure class="table"><figcaption>${caption}</figcaption>
<div class="wide" tabindex="0" role="region" aria-label="${caption}">${table}</div></figure>`;
}

/** Names and what they stand for. */
export function facts(pairs: ReadonlyArray<readonly [string, Content]>): Html {
  return html`<dl class="facts">${pairs.map(([name, fact]) => html`<div><dt>${name}</dt><dd>${fact}</dd></div>\n`)}</dl>`;
}
