import { resolve } from 'node:path';
import type { z } from 'zod';
import { processesOf } from '../distributed/join.ts';
import { fromFirst, type Processes, together } from '../distributed/processes.ts';
import type { TrainCallbacksDocs, TrainClassifierDocs } from '../options/docs.ts';
import { callback, checkOptions, runOptions, trainOptions } from '../options/index.ts';
import { requireUsed } from '../training/effects.ts';
import { checkTraining } from '../training/without-validation.ts';
import { nothingToResume } from './no-run.ts';
import { type Recommendation, recommendFor } from './recommend.ts';
import { directoryToResume, noImages } from './resolve-run.ts';
import type { RunResults } from './results.ts';
import { withAbsolutePaths } from './run-config.ts';
import { OWN_IMAGES } from './run-definition.ts';
import { holdsRun } from './run-directory.ts';
import { runControl, type StartControl } from './run-events.ts';
import { run } from './run-experiment.ts';

export type TrainClassifierOptions = z.input<typeof trainOptions> & TrainClassifierDocs;

export const trainCallbacks = runControl.extend({
  onRecommendation: callback<(recommendation: Recommendation) => void>().describe(
    'called before anything starts, with the options that were chosen',
  ),
});

export type TrainCallbacks = z.input<typeof trainCallbacks> & TrainCallbacksDocs;

/**
 * Trains a classifier on the user's own images. Options that are not given are chosen by the number of images
 * (`recommend`); a resumed run keeps its options.
 *
 * @throws InputError `INVALID_ARGUMENT`, `DATA_NOT_FOUND` or `DATA_INVALID`; what `run` throws
 */
export async function trainClassifier(
  given: TrainClassifierOptions,
  control: TrainCallbacks = {},
): Promise<RunResults> {
  return startClassifier(given, checkOptions(trainCallbacks, control));
}

/** The same with a checked control, which may say how one of several runs is started. */
export async function startClassifier(
  given: TrainClassifierOptions,
  control: TrainCallbacks & StartControl,
): Promise<RunResults> {
  const checked = checkOptions(trainOptions, given);
  const { data } = checked;
  // Here `sample` names a directory, not the embedded sample.
  const placed = { ...withAbsolutePaths(given), ...(data !== undefined && { data: resolve(data) }) };
  const processes = await processesOf(checked, control.signal);
  return together(processes, 'a training of own images', () => trainOwn(placed, processes, control));
}

async function trainOwn(
  given: TrainClassifierOptions,
  processes: Processes | null,
  { onRecommendation, ...control }: TrainCallbacks & StartControl,
): Promise<RunResults> {
  if (control.resume) {
    const out = directoryToResume(given);
    if (await fromFirst(processes, () => holdsRun(out))) return run(OWN_IMAGES, given, control);
    if (given.data === undefined) throw await nothingToResume(out);
  }
  if (given.data === undefined) throw noImages();
  const recommendation = await recommendFor(given);
  const options = { ...recommendation.options, ...given };
  requireUsed(given, checkTraining(runOptions, options));
  onRecommendation?.(recommendation);
  return run(OWN_IMAGES, options, control);
}
