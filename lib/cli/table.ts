import { shown } from '../support/printable.ts';
import { brokenLines } from './wrap.ts';

export type Alignment = 'left' | 'right';

const GAP = '  ';

/**
 * Formats rows in columns as wide as their widest cell, two spaces apart. If the result is wider than the terminal,
 * left-aligned columns wrap between words.
 */
export function columns(given: string[][], alignments: Alignment[], width = process.stdout.columns): string {
  const rows = given.map((row) => row.map(shown));
  const widths = fittingWidths(rows, alignments, width);
  return rows.map((row) => rowText(row, alignments, widths)).join('\n');
}

/** Formats rows as `columns` does, under a heading with a rule. */
export function table(
  heading: string[],
  rows: string[][],
  alignments: Alignment[],
  width = process.stdout.columns,
): string {
  const [shownHeading = [], ...shownRows] = [heading, ...rows].map((row) => row.map(shown));
  const all = [shownHeading, ...shownRows];
  const widths = fittingWidths(all, alignments, width);
  const rule = widths.map((columnWidth) => '-'.repeat(columnWidth));
  return [shownHeading, rule, ...shownRows].map((row) => rowText(row, alignments, widths)).join('\n');
}

function rowText(row: string[], alignments: Alignment[], widths: number[]): string {
  const cells = widths.map((width, column) => brokenLines(row[column] ?? '', width));
  const height = Math.max(...cells.map((lines) => lines.length));
  const lines = Array.from({ length: height }, (_, line) => {
    const parts = cells.map((cell, column) => {
      const width = widths[column] as number;
      const part = cell[line] ?? '';
      return alignments[column] === 'right' ? part.padStart(width) : part.padEnd(width);
    });
    return parts.join(GAP).trimEnd();
  });
  return lines.join('\n');
}

/**
 * Widths of the columns: those of the widest cells, or, if the terminal is too narrow, less, but enough for each word.
 */
function fittingWidths(rows: string[][], alignments: Alignment[], available: number | undefined): number[] {
  const cellsOf = (column: number) => rows.map((row) => row[column] ?? '');
  const widths = alignments.map((_, column) => longest(cellsOf(column)));
  if (!available) return widths;
  const least = alignments.map((alignment, column) =>
    alignment === 'right'
      ? (widths[column] as number)
      : longest(cellsOf(column).flatMap((cell) => cell.split(' '))),
  );
  const total = () => widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  const room = (column: number) => (widths[column] as number) - (least[column] as number);
  while (total() > available) {
    const shrinkable = [...widths.keys()].filter((column) => room(column) > 0);
    if (shrinkable.length === 0) break;
    const widest = shrinkable.reduce((a, b) => ((widths[b] as number) > (widths[a] as number) ? b : a));
    widths[widest] = (widths[widest] as number) - 1;
  }
  return widths;
}

function longest(texts: string[]): number {
  return Math.max(...texts.map((text) => text.length));
}
