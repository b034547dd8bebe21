import type { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import type { ImageInput } from '../data/decoding/decode.ts';
import type { PredictDocs } from '../options/docs.ts';
import { integer } from '../options/index.ts';
import { extractionOptions, type FeatureMatrix } from './extraction.ts';
import {
  type GivenImagesControl,
  imageList,
  type ModelShape,
  skipOptions,
  withImages,
} from './given-images.ts';
import { logSoftmax, ranking, rowsOf } from './logits.ts';

export const predictOptions = extractionOptions.omit({ onProgress: true }).extend({
  topK: integer(1).default(5).describe('how many of the likeliest classes to name'),
  ...skipOptions,
});

export type PredictOptions = z.input<typeof predictOptions> & PredictDocs;

export interface RankedClass {
  label: string;
  /** Into the model's classes. */
  index: number;
  probability: number;
}

/** What a model makes of one image: its likeliest class, and the others. */
export interface Prediction extends RankedClass {
  /** The image's file, where it came from one. */
  path?: string;
  /** In the order of the classes. */
  probabilities: number[];
  /** The likeliest classes, best first. */
  top: RankedClass[];
}

/**
 * Decodes images as a model of this shape needs them, and gives its predictions in their order, without the
 * images that were left out.
 *
 * @param topK how many classes `top` has at most
 * @param logits what the model makes of a data set: `[count, classes]`
 * @throws InputError `INVALID_ARGUMENT`; what `decodeImages` and `logits` throw
 */
export async function predict(
  inputs: ImageInput | readonly ImageInput[],
  shape: ModelShape,
  { topK, ...control }: { topK: number } & GivenImagesControl,
  logits: (data: Dataset) => Promise<FeatureMatrix>,
): Promise<Prediction[]> {
  const images = imageList(inputs);
  if (images.length === 0) return [];
  // Nobody asks for the labels, but the engine wants some.
  const labels = new BigInt64Array(images.length);
  const predictions = await withImages(images, labels, shape, control, async (data, kept) => {
    const rows = rowsOf(await logits(data));
    return kept.map((index, place) =>
      prediction(images[index] as ImageInput, rows[place] as Float32Array, shape.classes, topK),
    );
  });
  return predictions ?? [];
}

/**
 * The likeliest classes by an image's logits, at most `count`, best first.
 *
 * @param probabilities where they are known
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
