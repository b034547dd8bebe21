import type { z } from 'zod';
import { processesOf } from '../distributed/join.ts';
import { reportingTogether, together } from '../distributed/processes.ts';
import type { LearningRatePoint, TrainEvent } from '../engine/native-training.ts';
import type { LearningRateDocs } from '../options/docs.ts';
import {
  abortSignal,
  callback,
  checkOptions,
  searchOptions,
  type TrainingOptions,
  trainingOptions,
} from '../options/index.ts';
import { requireUsed } from './effects.ts';
import { sharedOptions } from './engine-options.ts';
import { searchFacts } from './facts.ts';
import type { BatchProgress, FeaturesProgress } from './fit.ts';
import type { Training } from './train.ts';

export const learningRateOptions = searchOptions.extend({
  signal: abortSignal.describe('stops the search after the current batch'),
  onFeatures: callback<(progress: FeaturesProgress) => void>().describe(
    'called with the progress of the pass through the frozen layers',
  ),
  onStep: callback<(step: LearningRateStep) => void>().describe('called after each step'),
});

export type LearningRateOptions = z.input<typeof learningRateOptions> & LearningRateDocs;

/** Progress after a step of the learning-rate search. */
export interface LearningRateStep extends Pick<BatchProgress, 'loss' | 'imagesPerSecond'> {
  /** Number of this step, counted from 1. */
  step: number;
  /** Maximum number of steps; the search may stop earlier. */
  steps: number;
}

/** Result of a learning-rate search. */
export interface LearningRateSearch {
  /**
   * One point per step, in order of rising learning rate. The search ends early when the smoothed loss reaches four
   * times its minimum or is not finite.
   */
  points: LearningRatePoint[];
  /** Learning rate in the middle of the longest fall of the smoothed loss; null if the loss never fell. */
  suggestion: number | null;
}

type SearchOptions = TrainingOptions & z.output<typeof learningRateOptions>;

/** Inputs of a search: those of the training it is for, without validation images. */
export interface Search
  extends Pick<
    Training,
    'model' | 'description' | 'device' | 'computation' | 'data' | 'plan' | 'layers' | 'weights'
  > {
  options: SearchOptions;
}

/**
 * Checks the options of a search and fills in the defaults of all training options.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
export function checkSearch(options: LearningRateOptions): SearchOptions {
  const checked = checkOptions(learningRateOptions, options);
  const all = { ...trainingOptions.strip().parse(checked), ...checked };
  requireUsed(options, all);
  return all;
}

/**
 * Trains at rising learning rates, one step per rate, and then restores the model. The caller may dispose of the images
 * meanwhile.
 *
 * @throws the signal's reason, what a callback threw, or TorchTlError `OUT_OF_MEMORY`, `WRITE_FAILED` or
 *   `NATIVE_FAILURE`
 */
export async function findLearningRate(search: Search, stopped: AbortSignal): Promise<LearningRateSearch> {
  const { model, device, data, options } = search;
  const { start, end, steps } = options;
  const held = data.share();
  try {
    const processes = await processesOf(options, stopped);
    return await together(processes, 'a search for a learning rate', async () => {
      if (processes) await processes.agree(await searchFacts({ ...search, data: held }, stopped));
      const images = await held.onDevice(device, stopped);
      const prepared = { ...search, data: held, valid: null };
      const native = await sharedOptions(prepared, null, processes, stopped);
      const points = await reportingTogether(
        processes,
        reporter(options),
        (report) => model.findLearningRate(images, native, { start, end, steps }, report),
        stopped,
      );
      return { points, suggestion: suggestLearningRate(points) };
    });
  } finally {
    held.dispose();
  }
}

function reporter({ onFeatures, onStep }: SearchOptions): (event: TrainEvent) => void {
  return (event) => {
    if (event.type === 'features') onFeatures?.(event);
    else if (event.type === 'batch') {
      const { batch: step, batches: steps, loss, imagesPerSecond } = event;
      onStep?.({ step, steps, loss, imagesPerSecond });
    }
  };
}

/**
 * Suggests the learning rate in the middle of the longest fall of the smoothed loss, which is the longest subsequence
 * of strictly falling losses (fastai's `valley`). Null if the loss never fell.
 */
export function suggestLearningRate(points: readonly LearningRatePoint[]): number | null {
  const fall = longestFall(points.map(({ smoothedLoss }) => smoothedLoss));
  if (fall.length < 2) return null;
  return points[fall[Math.floor(fall.length / 2)] as number]?.learningRate ?? null;
}

/** Indices of the longest strictly falling subsequence; the first one found if there are several. */
function longestFall(values: readonly number[]): number[] {
  const lengths: number[] = [];
  const before: number[] = [];
  values.forEach((value, index) => {
    let best = -1;
    for (let earlier = 0; earlier < index; earlier += 1) {
      const falls = value < (values[earlier] as number);
      if (falls && (best < 0 || (lengths[earlier] as number) > (lengths[best] as number))) best = earlier;
    }
    lengths.push(best < 0 ? 1 : (lengths[best] as number) + 1);
    before.push(best);
  });
  const fall: number[] = [];
  for (let index = lengths.indexOf(Math.max(...lengths)); index >= 0; index = before[index] as number) {
    fall.unshift(index);
  }
  return fall;
}
