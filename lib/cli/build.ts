import type { Command } from 'commander';
import { buildEngine } from '../libtorch/build.ts';
import { addExamples } from './examples.ts';

/** Defines `torch-tl build`. */
export function define(command: Command): void {
  command
    .option('--if-stale', 'do nothing where the sources and LibTorch are those of the last build', false)
    .option('--verbose', 'show everything that CMake and the compiler print', false)
    .action(async ({ ifStale }: { ifStale: boolean }, command: Command) => {
      // Commander gives an option that the program has too to the program.
      const { verbose } = command.optsWithGlobals<{ verbose: boolean }>();
      await buildEngine({ ifStale, verbose });
    });
  addExamples(command, {
    build: 'for the LibTorch that `torch-tl doctor` shows; TORCH_TL_LIBTORCH=DIR names another',
    'build --verbose': 'shows what the compiler says',
  });
}
