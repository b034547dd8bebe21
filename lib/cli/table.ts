export type Alignment = 'left' | 'right';

/** Rows of text in columns as wide as their widest cell, two spaces apart. */
export function columns(rows: string[][], alignments: Alignment[]): string {
  const widths = widthsOf(rows, alignments);
  const lines = rows.map((row) => {
    const cells = widths.map((width, column) => {
      const cell = row[column] ?? '';
      return alignments[column] === 'right' ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join('  ').trimEnd();
  });
  return lines.join('\n');
}

/** The same with a rule under the heading. */
export function table(heading: string[], rows: string[][], alignments: Alignment[]): string {
  const rule = widthsOf([heading, ...rows], alignments).map((width) => '-'.repeat(width));
  return columns([heading, rule, ...rows], alignments);
}

function widthsOf(rows: string[][], alignments: Alignment[]): number[] {
  return alignments.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
}
