import type { Command } from 'commander';
import { buildEngine } from '../libtorch/build.ts';
import { addExamples } from './examples.ts';
import { interruptible, STOPPING } from './interrupt.ts';

/** Defines `torch-tl build`. */
export function define(command: Command): void {
  command
    .option('--if-stale', 'build only if the sources or LibTorch have changed since the last build', false)
    .option('--verbose', 'print all output of CMake and the compiler', false)
    .action(async ({ ifStale }: { ifStale: boolean }, command: Command) => {
      // Commander assigns an option that the program also has to the program.
      const { verbose } = command.optsWithGlobals<{ verbose: boolean }>();
      const build = (signal: AbortSignal) => buildEngine({ ifStale, verbose, signal });
      await interruptible(build, STOPPING);
    });
  addExamples(command, {
    build: 'build for the LibTorch that `torch-tl doctor` shows; TORCH_TL_LIBTORCH=DIR selects another',
    'build --verbose': 'print the output of the compiler',
  });
}
