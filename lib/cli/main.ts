import { Command, CommanderError } from 'commander';
import { InputError, TorchTlError } from '../errors.ts';
import { packageVersion } from '../version.ts';
import { COMMANDS } from './commands.ts';
import { addExamples } from './examples.ts';
import { Interrupted } from './interrupt.ts';

const EXIT = { done: 0, failed: 1, wrongUse: 2 };

/**
 * The command line.
 *
 * @param argv the arguments, without Node's and the script's own
 * @returns the exit code: 0 done, 1 failed, 2 wrong use or input, 130 interrupted, 143 terminated
 */
export async function main(argv: string[]): Promise<number> {
  ignoreClosedPipes();
  try {
    if (argv.length === 0) {
      const { firstSteps } = await import('./first-steps.ts');
      console.log(firstSteps());
      return EXIT.done;
    }
    await call(argv).catch(async (error) => {
      if (!(error instanceof TorchTlError)) throw error;
      const { offerLibTorch } = await import('./offer-libtorch.ts');
      if (!(await offerLibTorch(error))) throw error;
      await call(argv);
    });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    return report(error, argv.includes('--verbose'));
  }
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
    'run finetune': 'trains on embedded pictures',
    'train --data flowers': 'trains on your own: flowers/<class>/*.jpg',
    'train --help': 'lists the options of a command',
  });
}

/** Prints an error, unless commander has, and gives the exit code. */
function report(error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  console.error(error instanceof Interrupted ? message : `error: ${message}`);
  if (verbose) console.error(stack);
  else if (!(error instanceof TorchTlError || error instanceof Interrupted)) {
    console.error('This is a fault in torch-tl; --verbose shows where.');
  }
  if (error instanceof Interrupted) return error.exitCode;
  return error instanceof InputError ? EXIT.wrongUse : EXIT.failed;
}

/** A reader such as `head` may leave before the end; what a command does besides printing goes on. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
