import type { Command } from 'commander';
import { columns } from './table.ts';
import { wrap } from './wrap.ts';

/**
 * Adds examples to the end of a command's `--help`.
 *
 * @param examples descriptions by command line, without `torch-tl`
 */
export function addExamples(command: Command, examples: Record<string, string>): Command {
  const rows = Object.entries(examples).map(([line, what]) => [`  torch-tl ${line}`, what]);
  return command.addHelpText('after', () => `\nExamples:\n${fitting(rows, process.stdout.columns)}`);
}

/** Formats examples in two columns; on a narrow terminal the description goes below the command line. */
function fitting(rows: string[][], width: number | undefined): string {
  const text = columns(rows, ['left', 'left'], Infinity);
  const isTooWide = width !== undefined && text.split('\n').some((line) => line.length > width);
  if (!isTooWide) return text;
  return rows.map(([line = '', what = '']) => wrap(`${line}\n      ${what}`, width)).join('\n');
}
