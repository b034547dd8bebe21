import { type Content, html } from './html.ts';

/** A named place on the horizontal axis of a chart. */
export interface Moment {
  name: string;
  x: number;
}

/** A moment whose name stands left of its line, in a row above the plot; row 0 is next to the plot. */
export interface Flag extends Moment {
  row: number;
}

/** Widths in SVG units: of a character at most, at the largest font of the style sheet, and between text and line. */
const CHARACTER = 8;
const SPACE = 4;
/** Heights in SVG units: of a row, and from the plot to the baseline of the first row, above the label of a tick. */
const ROW = 18;
const FIRST_ROW = 15;
/** Height of the letters of a row. */
const LETTERS = 14;

/** Maximum number of rows; of more moments the names are listed below the chart. */
const MAX_ROWS = 4;

/**
 * Places the names of moments in rows, so that no name lies over another, nor over the line of one: every line is right
 * of the names in the rows below its own. Null if that takes too many rows.
 *
 * @param moments with `x` in SVG units
 */
export function flagsOf(moments: readonly Moment[]): Flag[] | null {
  const flags: Flag[] = [];
  for (const moment of [...moments].sort((a, b) => a.x - b.x)) {
    const left = moment.x - 2 * SPACE - moment.name.length * CHARACTER;
    const under = flags.filter(({ x }) => x >= left);
    const row = Math.max(-1, ...under.map((flag) => flag.row)) + 1;
    if (row === MAX_ROWS) return null;
    flags.push({ ...moment, row });
  }
  return flags;
}

/** Height in SVG units that flags take above the plot. */
export function heightOf(flags: readonly Flag[]): number {
  return flags.length === 0 ? 0 : FIRST_ROW + ROW * Math.max(...flags.map(({ row }) => row)) + LETTERS;
}

/** Draws the lines of moments over the height of the plot, and up to their names if they have flags. */
export function momentLines(
  moments: readonly Moment[],
  flags: readonly Flag[] | null,
  plot: { top: number; bottom: number },
): Content[] {
  if (flags === null) {
    return moments.map(({ x }) => html`<path class="moment" d="M${x} ${plot.bottom}V${plot.top}"/>`);
  }
  return flags.map(({ name, x, row }) => {
    const baseline = plot.top - FIRST_ROW - row * ROW;
    return html`<path class="moment" d="M${x} ${plot.bottom}V${baseline - LETTERS / 2}"/>
<text class="label" x="${x - SPACE}" y="${baseline}" text-anchor="end">${name}</text>`;
  });
}
