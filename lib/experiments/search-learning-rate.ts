import type { z } from 'zod';
import { chooseDevice } from '../device.ts';
import { loadEngine } from '../engine.ts';
import type { FeaturesProgress } from '../fit.ts';
import type { LearningRateSearch, LearningRateStep } from '../learning-rate.ts';
import { checkOptions, runOptions, searchOptions, searchRunOptions } from '../options.ts';
import { experimentName } from './paper.ts';
import type { RunSetup } from './results.ts';
import {
  createModel,
  definitionOf,
  describeModel,
  openPictures,
  requireConsistent,
} from './run-experiment.ts';
import type { DecodingEvent } from './train-into.ts';

/** What a search tells: first of the decoding and `data`, then `model`, then the others many times. */
export type SearchEvent =
  | DecodingEvent
  | { type: 'data'; name: string; source: string; count: number }
  | ({ type: 'model' } & SearchedModel)
  | FeaturesProgress
  | ({ type: 'step' } & LearningRateStep);

export type SearchedModel = Pick<
  RunSetup,
  'experiment' | 'weights' | 'imageSize' | 'trainableParameters' | 'totalParameters'
>;

export interface SearchControl {
  /** Stops the search within one batch. */
  signal?: AbortSignal;
  onEvent?: (event: SearchEvent) => void;
}

/**
 * Searches for the learning rate of one of the paper's experiments: the model and the training pictures are
 * those of the run with these options.
 *
 * @throws InputError for wrong options, data or weights; the signal's reason; what `findLearningRate` throws
 */
export async function searchLearningRate(
  name: string,
  given: z.input<typeof searchRunOptions>,
  { signal = new AbortController().signal, onEvent = () => {} }: SearchControl = {},
): Promise<LearningRateSearch> {
  const definition = definitionOf(experimentName(name));
  const options = checkOptions(searchRunOptions, given);
  // Validation pictures are not looked at, and one is the least that can be read.
  const run = { ...runOptions.strip().parse(options), limitValid: 1 };
  requireConsistent(run);
  const device = chooseDevice(options.device, loadEngine().info());
  const { train, valid } = await openPictures(run, signal, onEvent);
  valid.dispose();
  try {
    onEvent({ type: 'data', name: train.name, source: train.source, count: train.count });
    const model = await createModel(definition, run, { device, train, signal });
    try {
      onEvent({ type: 'model', ...(await describeModel(definition, run, model)) });
      return await model.findLearningRate(train, {
        ...searchOptions.strip().parse(options),
        signal,
        onFeatures: onEvent,
        onStep: (step) => onEvent({ type: 'step', ...step }),
      });
    } finally {
      model.dispose();
    }
  } finally {
    train.dispose();
  }
}
