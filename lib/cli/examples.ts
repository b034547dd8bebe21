import type { Command } from 'commander';
import { columns } from './table.ts';
import { wrap } from './wrap.ts';

/**
 * Ends a command's `--help` with examples.
 *
 * @param examples what each does, by what to type after `torch-tl`
 */
export function addExamples(command: Command, examples: Record<string, string>): Command {
  const rows = Object.entries(examples).map(([line, what]) => [`  torch-tl ${line}`, what]);
  return command.addHelpText('after', () => `\nExamples:\n${fitting(rows, process.stdout.columns)}`);
}

/** Side by side, or where the terminal is too narrow, what a line does below it. */
function fitting(rows: string[][], width: number | undefined): string {
  const text = columns(rows, ['left', 'left'], Infinity);
  const isTooWide = width !== undefined && text.split('\n').some((line) => line.length > width);
  if (!isTooWide) return text;
  return rows.map(([line = '', what = '']) => wrap(`${line}\n      ${what}`, width)).join('\n');
}
