import type { Command } from 'commander';
import { InputError } from '../errors.ts';

/**
 * Lets images be named without `--data`, by the first argument.
 *
 * @param action what the command does, once the option is set
 */
export function addDataArgument(command: Command, action: () => Promise<void>): void {
  command
    .argument('[dir|list]', 'the images, as --data names them')
    .action(async (given: string | undefined) => {
      if (given !== undefined) take(command, given);
      await action();
    });
}

/** @throws InputError `INVALID_ARGUMENT` where `--data` names others */
function take(command: Command, given: string): void {
  const { data } = command.opts<{ data?: string }>();
  if (data !== undefined && data !== given) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `Images are named twice: by the argument '${given}' and by --data '${data}'. Leave out one of the two.`,
    );
  }
  command.setOptionValueWithSource('data', given, 'cli');
}

/**
 * What `--data` or the argument names.
 *
 * @throws InputError `INVALID_ARGUMENT` where neither is there
 */
export function requireData(command: Command, data: string | undefined): string {
  if (data !== undefined) return data;
  const call = `torch-tl ${command.name()}`;
  throw new InputError(
    'INVALID_ARGUMENT',
    `Say which images: ${call} DIR, or --data DIR; \`${call} --help\` lists what may be given.`,
  );
}
