import { resolve } from 'node:path';
import type { z } from 'zod';
import { listPictures } from '../data/source.ts';
import { checkOptions, trainOptions } from '../options.ts';
import { DEFAULT_WEIGHTS } from '../weights/catalogue.ts';
import { nothingToGoOn } from './no-run.ts';
import type { RunResults } from './results.ts';
import { holdsRun } from './run-directory.ts';
import { definitionOf, directoryToGoOn, noPictures, type RunControl, run } from './run-experiment.ts';

/** What is decided for the user's own pictures, but for what they set themselves, and why, a sentence. */
export interface Recommendation {
  options: Partial<RecommendedOptions>;
  reason: string;
}

interface RecommendedOptions {
  imageSize: number;
  recipe: 'head' | 'fine-tune';
  epochs: number;
  schedule: 'cosine';
  augmentation: 'none' | 'light' | 'strong';
}

/** The embedded backbone learnt from pictures of 64 to 128 pixels: larger ones cost time only. */
const EMBEDDED_IMAGE_SIZE = 128;

/**
 * How to train with so many pictures: few ones cannot teach a backbone anything that lasts, and many make
 * epochs long.
 */
export function recommend(
  pictures: number,
  weights: string,
): { options: RecommendedOptions; reason: string } {
  const size = (imageSize: number) =>
    weights === DEFAULT_WEIGHTS ? Math.min(imageSize, EMBEDDED_IMAGE_SIZE) : imageSize;
  const schedule = 'cosine';
  if (pictures < 1_000) {
    return {
      options: { imageSize: size(224), recipe: 'head', epochs: 30, schedule, augmentation: 'none' },
      reason: 'under 1,000 training pictures: the head alone, over features that are computed once',
    };
  }
  if (pictures < 20_000) {
    return {
      options: { imageSize: size(224), recipe: 'fine-tune', epochs: 8, schedule, augmentation: 'light' },
      reason: 'under 20,000 training pictures: the head first, then all layers at lower rates',
    };
  }
  return {
    options: { imageSize: size(160), recipe: 'fine-tune', epochs: 8, schedule, augmentation: 'strong' },
    reason: 'many training pictures: smaller, strongly augmented, all layers after the head',
  };
}

export type OwnPicturesOptions = z.input<typeof trainOptions>;

export interface OwnPicturesControl extends RunControl {
  /** Hears before anything starts what was decided. */
  onRecommendation?: (recommendation: Recommendation) => void;
}

/**
 * Trains a classifier of the user's own pictures. What is not given is decided by how many there are
 * (`recommend`); a run that goes on keeps what it had.
 *
 * @throws InputError `INVALID_ARGUMENT`, `DATA_NOT_FOUND` or `DATA_INVALID`; what `run` throws
 */
export async function trainOwnPictures(
  given: OwnPicturesOptions,
  { onRecommendation = () => {}, ...control }: OwnPicturesControl = {},
): Promise<RunResults> {
  const { data, limitTrain, seed, weights = DEFAULT_WEIGHTS } = checkOptions(trainOptions, given);
  // Here `sample` is a directory of that name.
  const directory = data === undefined ? {} : { data: resolve(data) };
  if (control.resume) {
    const out = directoryToGoOn(given);
    if (await holdsRun(out)) return run(definitionOf('train'), { ...given, ...directory }, control);
    if (data === undefined) throw await nothingToGoOn(out);
  }
  if (data === undefined) throw noPictures();
  const { train } = await listPictures(data, seed);
  const { options, reason } = recommend(Math.min(train.files.length, limitTrain ?? Infinity), weights);
  const chosen = withoutGiven(options, given);
  onRecommendation({ options: chosen, reason });
  return run(definitionOf('train'), { ...chosen, ...given, ...directory }, control);
}

/** What the caller leaves open: freezing is a recipe of their own, and a list of stages has its epochs. */
function withoutGiven(recommended: RecommendedOptions, given: OwnPicturesOptions): Recommendation['options'] {
  const decided = new Set(Object.keys(given));
  if (given.freeze !== undefined) decided.add('recipe');
  if (Array.isArray(given.recipe)) decided.add('epochs');
  return Object.fromEntries(Object.entries(recommended).filter(([name]) => !decided.has(name)));
}
