import { Command, CommanderError, Help } from 'commander';
import { InputError, TorchTlError } from '../errors.ts';
import { isExhausted, reason } from '../support/files.ts';
import { shownText } from '../support/printable.ts';
import { packageVersion } from '../support/version.ts';
import { COMMANDS } from './commands.ts';
import { addExamples } from './examples.ts';
import { heedNohup, Interrupted } from './interrupt.ts';
import { notice } from './notice.ts';
import { print, watchOutput } from './output.ts';
import { wrap } from './wrap.ts';

const EXIT = { done: 0, failed: 1, wrongUse: 2 };

/**
 * The command line.
 *
 * @param argv the arguments, without Node's and the script's own
 * @returns the exit code: 0 done, 1 failed, 2 wrong use or input; 129 hung up, 130 interrupted, 143
 *   terminated, what there was saved
 */
export async function main(argv: string[]): Promise<number> {
  watchOutput();
  heedNohup();
  try {
    if (argv.length === 0) {
      const { firstSteps } = await import('./first-steps.ts');
      print(firstSteps());
      return EXIT.done;
    }
    await call(argv).catch(async (error) => {
      if (!(error instanceof TorchTlError)) throw error;
      if (!(await offer(error))) throw error;
      await call(argv);
    });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    return report(error, argv.includes('--verbose'));
  }
}

/** Whether what a command lacked is there now. */
async function offer(error: TorchTlError): Promise<boolean> {
  const { offerLibTorch } = await import('./offer-libtorch.ts');
  const { offerWeights } = await import('./offer-weights.ts');
  return (await offerLibTorch(error)) || (await offerWeights(error));
}

async function call(argv: string[]): Promise<void> {
  const program = await programFor(argv);
  await program.parseAsync(argv, { from: 'user' });
}

/** The program with the command that these arguments call; all others are in it by name alone. */
export async function programFor(argv: string[]): Promise<Command> {
  const program = new Command('torch-tl')
    .description('Transfer learning with DenseNet-121 at native speed')
    .option('--verbose', 'print where an error comes from')
    // Commander ends what it prints with a line break.
    .configureOutput({
      writeOut: (text) => print(text.trimEnd()),
      outputError: (text, write) => write(shownText(text)),
    })
    .configureHelp({ minWidthToWrap: NARROWEST_DESCRIPTION, formatItem: itemText })
    .showHelpAfterError('`torch-tl --help`, and --help after a command, list what may be given.')
    .hook('preAction', (_, called) => requireValues(called))
    .exitOverride();
  // That of `libtorch install` is another.
  if (!argv.includes('libtorch')) program.version(packageVersion());
  const called = argv.find((argument) => !argument.startsWith('-') && argument !== 'help');
  for (const [name, { usage, description, load }] of Object.entries(COMMANDS)) {
    if (name === called) (await load()).define(program.command(name).description(description));
    // Of the others nothing is parsed: what would be their arguments is only shown.
    else program.command(`${name} ${usage}`).description(description);
  }
  return addExamples(program, {
    'run finetune': 'trains on embedded images',
    'train flowers': 'trains on your own: flowers/<class>/*.jpg',
    'train --help': 'lists the options of a command',
  });
}

/** Columns that a description must have to stand beside its flag. */
const NARROWEST_DESCRIPTION = 24;

/** A flag or command of a help text; on a narrow terminal with its description below it. */
function itemText(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? Infinity;
  if (description === '' || width - termWidth - GAPS >= NARROWEST_DESCRIPTION) {
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  }
  return wrap(`  ${term}\n      ${description}`, width);
}

/** Before and after a flag. */
const GAPS = 4;

/**
 * Commander takes whatever follows a flag for its value: `--out --resume` would name a directory.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
function requireValues(command: Command): void {
  const flags = new Set<unknown>(command.options.flatMap(({ long, short }) => [long, short]));
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value === undefined || !flags.has(value)) continue;
    const remedy = `Give it one; a file or directory of that name is ./${value}.`;
    throw new InputError('INVALID_ARGUMENT', `${option.long} has no value before ${value}. ${remedy}`);
  }
}

/** Prints an error, unless commander has, and gives the exit code. */
function report(error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
  if (error instanceof Interrupted) {
    notice(error.message);
    // As one line, to be copied.
    if (error.goOn !== undefined) process.stderr.write(`The run goes on with:\n  ${error.goOn}\n`);
    return error.exitCode;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const said = isExhausted(error) ? `${reason(error)}.` : message;
  notice(`error: ${error instanceof TorchTlError ? error.atCommandLine : said}`);
  if (verbose) notice(String(stack));
  else if (!(error instanceof TorchTlError || isExhausted(error)))
    notice('This is a fault in torch-tl; --verbose shows where.');
  return error instanceof InputError ? EXIT.wrongUse : EXIT.failed;
}
