import type { z } from 'zod';
import type { ImageInput } from '../data/decoding/decode.ts';
import type { PredictDocs } from '../options/docs.ts';
import { integer } from '../options/index.ts';
import type { FeatureMatrix } from './extraction.ts';
import {
  type GivenImages,
  type GivenImagesControl,
  givenImagesOptions,
  imageList,
  type ModelShape,
  skipOptions,
  withImages,
} from './given-images.ts';
import { logSoftmax, ranking, rowsOf } from './logits.ts';

export const predictOptions = givenImagesOptions.extend({
  topK: integer(1).default(5).describe('number of likeliest classes in `top`'),
  ...skipOptions,
});

export type PredictOptions = z.input<typeof predictOptions> & PredictDocs;

/** A class with its probability. */
export interface RankedClass {
  /** Name of the class. */
  label: string;
  /** Index in the model's classes. */
  index: number;
  /** Probability from 0 to 1. */
  probability: number;
}

/** Prediction for one image: the likeliest class, and the probabilities of all classes. */
export interface Prediction extends RankedClass {
  /** Path of the image, if it was given as a path. */
  path?: string;
  /** Probabilities of all classes, in the order of the model's classes. */
  probabilities: number[];
  /** The `topK` likeliest classes, most likely first. */
  top: RankedClass[];
}

/**
 * Decodes images for a model and predicts their classes. The predictions are in the order of the images, without those
 * that were left out.
 *
 * @param topK maximum number of classes in `top`
 * @param logits computes the model's logits of images: `[count, classes]`
 * @throws InputError `INVALID_ARGUMENT`; what `decodeImages` and `logits` throw
 */
export async function predict(
  inputs: ImageInput | readonly ImageInput[],
  shape: ModelShape,
  { topK, ...control }: { topK: number } & GivenImagesControl,
  logits: (images: GivenImages) => Promise<FeatureMatrix>,
): Promise<Prediction[]> {
  const images = imageList(inputs);
  if (images.length === 0) return [];
  const predictions = await withImages(images, shape, control, async (given, kept) => {
    const rows = rowsOf(await logits(given));
    return kept.map((index, place) =>
      prediction(images[index] as ImageInput, rows[place] as Float32Array, shape.classes, topK),
    );
  });
  return predictions ?? [];
}

/**
 * The likeliest classes of an image, at most `count`, most likely first.
 *
 * @param logits logits of the image, one per class
 * @param probabilities the softmax of the logits, if it is known
 */
export function rankedClasses(
  logits: Float32Array,
  classes: readonly string[],
  count: number,
  probabilities = probabilitiesOf(logits),
): RankedClass[] {
  return ranking(logits)
    .slice(0, count)
    .map((index) => ({
      label: classes[index] as string,
      index,
      probability: probabilities[index] as number,
    }));
}

function probabilitiesOf(logits: Float32Array): number[] {
  return [...logSoftmax(logits)].map(Math.exp);
}

function prediction(
  image: ImageInput,
  logits: Float32Array,
  classes: readonly string[],
  topK: number,
): Prediction {
  const probabilities = probabilitiesOf(logits);
  const top = rankedClasses(logits, classes, topK, probabilities);
  const file = typeof image === 'string' ? { path: image } : {};
  return { ...file, ...(top[0] as RankedClass), probabilities, top };
}
