import { type Content, type Html, html } from './html.ts';

/** Content of a table; the first cell of each row is its heading. */
export interface Table {
  caption: string;
  heading: readonly Content[];
  rows: ReadonlyArray<readonly Content[]>;
  /** Whether cells hold text, which is left-aligned and wraps, instead of numbers. */
  text?: boolean;
  /** Whether intervals stand below their shares instead of beside them, which takes less width. */
  isNarrow?: boolean;
  /** Whether a narrow screen shows each row as a list of names and values, since it has too many columns. */
  isStacked?: boolean;
}

/** Builds a table. It scrolls sideways if the page is too narrow. */
export function dataTable({ caption, heading, rows, ...kinds }: Table): Html {
  const { text = false, isNarrow = false, isStacked = false } = kinds;
  const nameOf = (title: Content) =>
    isStacked && typeof title === 'string' ? html` data-name="${title}"` : null;
  const shown = (cell: Content) => (text || typeof cell !== 'string' || cell === '' ? cell : figure(cell));
  const row = ([first = null, ...rest]: readonly Content[]) =>
    html`<tr><th scope="row">${first}</th>${rest.map((cell, column) => html`<td${nameOf(heading[column + 1] ?? null)}>${shown(cell)}</td>`)}</tr>\n`;
  const classes = [
    text ? 'text' : 'figures',
    ...(isNarrow ? ['narrow'] : []),
    ...(isStacked ? ['stacked'] : []),
  ];
  return captioned(
    caption,
    html`<table class="${classes.join(' ')}">
<thead><tr>${heading.map((cell) => (cell === '' ? html`<td></td>` : html`<th scope="col">${cell}</th>`))}</tr></thead>
<tbody>${rows.map(row)}</tbody>
</table>`,
  );
}

/** A figure, which stays on one line, while its interval in parentheses or its deviation may stand below it. */
export function figure(text: string): Html {
  const rest = text.search(/ [(±]/);
  if (rest === -1) return html`<span>${text}</span>`;
  return html`<span>${text.slice(0, rest)}</span> <small>${text.slice(rest + 1)}</small>`;
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
