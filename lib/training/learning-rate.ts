import type { z } from 'zod';
import { settleReporting } from '../engine/job.ts';
import type { LearningRatePoint, TrainEvent } from '../engine/native.ts';
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
import type { BatchProgress, FeaturesProgress } from './fit.ts';
import { nativeOptions, type Training } from './train.ts';

export const learningRateOptions = searchOptions.extend({
  signal: abortSignal.describe('stops the work'),
  onFeatures: callback<(progress: FeaturesProgress) => void>().describe(
    'hears how far the pass through frozen layers is',
  ),
  onStep: callback<(step: LearningRateStep) => void>().describe('hears of every step'),
});

export type LearningRateOptions = z.input<typeof learningRateOptions> & LearningRateDocs;

/** After a step of a search. */
export interface LearningRateStep extends Pick<BatchProgress, 'loss' | 'imagesPerSecond'> {
  /** Counted from 1. */
  step: number;
  /** At most. */
  steps: number;
}

export interface LearningRateSearch {
  /** With rising learning rates, up to where the smoothed loss was four times its lowest, or no number. */
  points: LearningRatePoint[];
  /** The middle of the longest fall of the smoothed loss; null where it never fell. */
  suggestion: number | null;
}

type SearchOptions = TrainingOptions & z.output<typeof learningRateOptions>;

/** What a search works with: what the training does that it is for, without what validates it. */
export interface Search extends Pick<Training, 'model' | 'device' | 'computation' | 'data' | 'plan'> {
  options: SearchOptions;
}

/**
 * Checked, and with the defaults of what else a training has.
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
 * Steps at rising learning rates; the model is afterwards as it was. The images may be disposed of
 * meanwhile.
 *
 * @throws the signal's reason, what a callback threw, or TorchTlError `OUT_OF_MEMORY`, `WRITE_FAILED` or
 *   `NATIVE_FAILURE`
 */
export async function findLearningRate(search: Search, stopped: AbortSignal): Promise<LearningRateSearch> {
  const { model, device, data, options } = search;
  const { start, end, steps } = options;
  const native = nativeOptions(search);
  const held = data.share();
  try {
    const images = await held.onDevice(device, stopped);
    const points = await settleReporting(
      reporter(options),
      (report) => model.findLearningRate(images, native, { start, end, steps }, report),
      stopped,
    );
    return { points, suggestion: suggestLearningRate(points) };
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
 * The learning rate in the middle of the longest fall of the smoothed loss: the longest subsequence
 * of falling losses (fastai's `valley`).
 */
export function suggestLearningRate(points: readonly LearningRatePoint[]): number | null {
  const fall = longestFall(points.map(({ smoothedLoss }) => smoothedLoss));
  if (fall.length < 2) return null;
  return points[fall[Math.floor(fall.length / 2)] as number]?.learningRate ?? null;
}

/** Indices of the longest subsequence of strictly falling values; of several the first that is found. */
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
