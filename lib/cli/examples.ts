import type { Command } from 'commander';
import { columns } from './table.ts';

/**
 * Ends a command's `--help` with examples.
 *
 * @param examples what each does, by what to type after `torch-tl`
 */
export function addExamples(command: Command, examples: Record<string, string>): Command {
  const rows = Object.entries(examples).map(([line, what]) => [`  torch-tl ${line}`, what]);
  return command.addHelpText('after', `\nExamples:\n${columns(rows, ['left', 'left'])}`);
}
