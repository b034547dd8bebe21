import type { z } from 'zod';
import { InputError } from '../errors.ts';
import { checkOptions, runOptions } from '../options/index.ts';
import { pathHint } from '../support/nearest-path.ts';
import { requireUsed } from '../training/effects.ts';
import { checkTraining, withoutWatching } from '../training/without-validation.ts';
import { noImages } from './resolve-run.ts';
import type { RunResults } from './results.ts';
import { type RunConfig, readRunConfig, withoutUnusedOf } from './run-config.ts';
import { definitionOf } from './run-definition.ts';
import type { RunControl } from './run-events.ts';
import { run } from './run-experiment.ts';

/**
 * Repeats the run of a config.json in a directory of its own.
 *
 * @param experiment the experiment that the caller expects, if any
 * @param given options that replace those of the file
 * @throws InputError `FILE_UNREADABLE`, `RUN_INVALID` or `INVALID_ARGUMENT`; what `run` throws
 */
export async function repeat(
  file: string,
  experiment: string | undefined,
  given: z.input<typeof runOptions>,
  control: RunControl = {},
): Promise<RunResults> {
  const config = await readRunConfig(file);
  if (!config)
    throw new InputError(
      'FILE_UNREADABLE',
      `There is no file ${file} to read a run's options from.${await pathHint(file)}`,
    );
  if (experiment !== undefined && experiment !== config.experiment) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `${file} is of a run of '${config.experiment}', not of '${experiment}'; leave out one of the two.`,
    );
  }
  requireRepeatable(file, config, given);
  const recorded = withoutUnusedOf(config);
  // The run of the file may have validated.
  const kept = given.valid === 'none' ? withoutWatching(recorded) : recorded;
  const options = { ...kept, ...given };
  requireUsed(given, checkTraining(runOptions, options));
  return run(definitionOf(config.experiment), withoutUnusedOf({ options }), control);
}

/** Errors of the file's options name the file. */
function requireRepeatable(
  file: string,
  { experiment, options }: RunConfig,
  given: z.input<typeof runOptions>,
): void {
  try {
    const { name } = definitionOf(experiment);
    checkOptions(runOptions, options);
    if (name === 'train' && (given.data ?? options.data) === undefined) throw noImages();
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    const said = (message: string) => `The run of ${file} cannot be repeated: ${message}`;
    throw new InputError('RUN_INVALID', said(cause.message), {
      cause,
      atCommandLine: said(cause.atCommandLine),
    });
  }
}
