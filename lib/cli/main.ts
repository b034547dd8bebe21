import { Command, CommanderError } from 'commander';
import { InputError, TorchTlError } from '../errors.ts';
import { packageVersion } from '../version.ts';
import { addExamples } from './examples.ts';
import { Interrupted } from './interrupt.ts';

type Register = (program: Command) => void;

/** Each is loaded only where it is called or listed, so that every other starts fast. */
const COMMANDS: Record<string, () => Promise<Register>> = {
  run: async () => (await import('./run.ts')).registerRun,
  train: async () => (await import('./train.ts')).registerTrain,
  'lr-find': async () => (await import('./lr-find.ts')).registerLrFind,
  predict: async () => (await import('./predict.ts')).registerPredict,
  evaluate: async () => (await import('./evaluate.ts')).registerEvaluate,
  report: async () => (await import('./report.ts')).registerReport,
  export: async () => (await import('./export.ts')).registerExport,
  describe: async () => (await import('./describe.ts')).registerDescribe,
  features: async () => (await import('./features.ts')).registerFeatures,
  data: async () => (await import('./data.ts')).registerData,
  weights: async () => (await import('./weights.ts')).registerWeights,
  doctor: async () => (await import('./doctor.ts')).registerDoctor,
  libtorch: async () => (await import('./libtorch.ts')).registerLibTorch,
  build: async () => (await import('./build.ts')).registerBuild,
};

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

/** The program with the command that these arguments call, or with all where they call none. */
export async function programFor(argv: string[]): Promise<Command> {
  const program = new Command('torch-tl')
    .description('Transfer learning with DenseNet-121 at native speed')
    .option('--verbose', 'print where an error comes from')
    .exitOverride();
  // That of `libtorch install` is another.
  if (!argv.includes('libtorch')) program.version(packageVersion());
  for (const name of commandsFor(argv)) (await COMMANDS[name]?.())?.(program);
  return addExamples(program, {
    'run finetune': 'trains on embedded pictures',
    'train --data flowers': 'trains on your own: flowers/<class>/*.jpg',
    'train --help': 'lists the options of a command',
  });
}

function commandsFor(argv: string[]): string[] {
  if (argv[0] === '--version') return [];
  const called = argv.find((argument) => !argument.startsWith('-'));
  return called !== undefined && Object.hasOwn(COMMANDS, called) ? [called] : Object.keys(COMMANDS);
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
