import { Command, CommanderError, Help } from 'commander';
import { InputError, TorchTlError } from '../errors.ts';
import { systemProblem } from '../support/files.ts';
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
 * Runs the command line.
 *
 * @param argv arguments without those of Node and the script
 * @returns the exit code: 0 done; 1 failed; 2 wrong use or wrong input; 129, 130 or 143 ended by SIGHUP, SIGINT or
 *   SIGTERM, with a checkpoint saved
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

/** Offers to install what a command lacked. Returns whether it is installed now. */
async function offer(error: TorchTlError): Promise<boolean> {
  const { offerLibTorch } = await import('./offer-libtorch.ts');
  const { offerWeights } = await import('./offer-weights.ts');
  return (await offerLibTorch(error)) || (await offerWeights(error));
}

async function call(argv: string[]): Promise<void> {
  const program = await programFor(argv);
  await program.parseAsync(withHelpFlag(program, argv), { from: 'user' });
}

/**
 * The arguments with `help COMMAND` as `COMMAND --help`, and without a wish for help where the command is unknown:
 * commander would show the help of what is above it, with exit code 0 for a flag, and says nothing of the slip.
 */
function withHelpFlag(program: Command, argv: string[]): string[] {
  let isWord = false;
  let command: Command | undefined = program;
  const names: string[] = [];
  for (const word of argv.filter((argument) => !argument.startsWith('-'))) {
    if (command.commands.length === 0) break;
    if (word === 'help') {
      isWord = true;
      continue;
    }
    names.push(word);
    command = command.commands.find((known) => known.name() === word);
    if (command === undefined) return names;
  }
  return isWord && command !== program ? [...names, '--help'] : argv;
}

/** Builds the program with the command that the arguments call; all other commands are only listed. */
export async function programFor(argv: string[]): Promise<Command> {
  const program = new Command('torch-tl')
    .description('Transfer learning with DenseNet-121 at native speed')
    .option('--verbose', 'print the stack trace of an error')
    // Commander ends its output with a line break, and `print` adds one.
    .configureOutput({
      writeOut: (text) => print(text.trimEnd()),
      outputError: (text, write) => write(shownText(text)),
    })
    .configureHelp({ minWidthToWrap: NARROWEST_DESCRIPTION, formatItem: itemText })
    .showHelpAfterError('`torch-tl --help` and `torch-tl COMMAND --help` show the usage.')
    .hook('preAction', (_, called) => requireValues(called))
    .exitOverride();
  // `libtorch install` has a --version of its own.
  if (!argv.includes('libtorch')) program.version(packageVersion());
  const called = argv.find((argument) => !argument.startsWith('-') && argument !== 'help');
  for (const [name, { usage, description, load }] of Object.entries(COMMANDS)) {
    if (name === called) (await load()).define(program.command(name).description(description));
    // The usage of the other commands is only shown; nothing is parsed for them.
    else program.command(`${name} ${usage}`).description(description);
  }
  return addExamples(program, {
    'run finetune': 'train on embedded images',
    'train flowers': 'train on your own images: flowers/<class>/*.jpg',
    'train --help': 'list the options of a command',
  });
}

/** Minimum width in columns of a description beside its flag; below that it goes on the next line. */
const NARROWEST_DESCRIPTION = 24;

/** Formats a flag or command of a help text; on a narrow terminal its description goes below it. */
function itemText(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? Infinity;
  if (description === '' || width - termWidth - GAPS >= NARROWEST_DESCRIPTION) {
    return Help.prototype.formatItem.call(helper, term, termWidth, description, helper);
  }
  return wrap(`  ${term}\n      ${description}`, width);
}

/** Spaces around a flag, in columns. */
const GAPS = 4;

/**
 * Refuses a flag as the value of another. Commander would take the directory name from `--out --resume`.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
function requireValues(command: Command): void {
  const flags = new Set<unknown>(command.options.flatMap(({ long, short }) => [long, short]));
  for (const option of command.options) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value === undefined || !flags.has(value)) continue;
    const remedy = `Give it a value; write ./${value} for a file or directory of that name.`;
    throw new InputError('INVALID_ARGUMENT', `${option.long} has no value before ${value}. ${remedy}`);
  }
}

/** Prints an error, unless commander has printed it, and returns the exit code. */
function report(error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
  if (error instanceof Interrupted) {
    notice(error.kept === undefined ? error.message : `${error.message} ${error.kept}`);
    // The command is not wrapped, so that it can be copied.
    if (error.resumeCommand !== undefined) process.stderr.write(`To resume:\n  ${error.resumeCommand}\n`);
    return error.exitCode;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const explained = error instanceof TorchTlError ? error.atCommandLine : systemProblem(error);
  notice(`error: ${explained ?? message}`);
  if (verbose) notice(String(stack));
  else if (explained === null)
    notice('This is a bug in torch-tl. Run the command with --verbose to see the stack trace.');
  return error instanceof InputError ? EXIT.wrongUse : EXIT.failed;
}
