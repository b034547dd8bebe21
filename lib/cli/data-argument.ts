import type { Command } from 'commander';
import { InputError } from '../errors.ts';

/**
 * Accepts the value of `--data` as the command's first argument too.
 *
 * @param action runs the command, once the option is set
 */
export function addDataArgument(command: Command, action: () => Promise<void>): void {
  command
    .argument('[dir|list]', 'the images, instead of --data')
    .action(async (given: string | undefined) => {
      if (given !== undefined) setData(command, given);
      await action();
    });
}

/**
 * Sets `--data` to the argument.
 *
 * @throws InputError `INVALID_ARGUMENT` if `--data` has another value
 */
function setData(command: Command, given: string): void {
  const { data } = command.opts<{ data?: string }>();
  if (data !== undefined && data !== given) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `The images are given twice, as argument '${given}' and as --data '${data}'. Leave out one of them.`,
    );
  }
  command.setOptionValueWithSource('data', given, 'cli');
}

/**
 * Returns the value of `--data` or of the argument.
 *
 * @throws InputError `INVALID_ARGUMENT` if neither is given
 */
export function requireData(command: Command, data: string | undefined): string {
  if (data !== undefined) return data;
  const call = `torch-tl ${command.name()}`;
  throw new InputError(
    'INVALID_ARGUMENT',
    `No images are given. Use \`${call} DIR\` or --data DIR; \`${call} --help\` lists all forms.`,
  );
}
