import type { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import type { Picture } from '../data/decoding/decode.ts';
import type { PredictDocs } from '../options/docs.ts';
import { integer } from '../options/index.ts';
import { type Extracted, extractionOptions } from './extraction.ts';
import {
  type GivenPicturesControl,
  type ModelShape,
  pictureList,
  skipOptions,
  withPictures,
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

/** What a model makes of one picture: its likeliest class, and the others. */
export interface Prediction extends RankedClass {
  /** The picture's file, where it came from one. */
  path?: string;
  /** In the order of the classes. */
  probabilities: number[];
  /** The likeliest classes, best first. */
  top: RankedClass[];
}

/**
 * Decodes pictures as a model of this shape needs them, and gives its predictions in their order, without the
 * pictures that were left out.
 *
 * @param topK how many classes `top` has at most
 * @param logits what the model makes of a data set: `[count, classes]`
 * @throws InputError `INVALID_ARGUMENT`; what `decodePictures` and `logits` throw
 */
export async function predict(
  inputs: Picture | readonly Picture[],
  shape: ModelShape,
  { topK, ...control }: { topK: number } & GivenPicturesControl,
  logits: (data: Dataset) => Promise<Extracted>,
): Promise<Prediction[]> {
  const pictures = pictureList(inputs);
  if (pictures.length === 0) return [];
  // Nobody asks for the labels, but the engine wants some.
  const labels = new BigInt64Array(pictures.length);
  const predictions = await withPictures(pictures, labels, shape, control, async (data, kept) => {
    const rows = rowsOf(await logits(data));
    return kept.map((index, place) =>
      prediction(pictures[index] as Picture, rows[place] as Float32Array, shape.classes, topK),
    );
  });
  return predictions ?? [];
}

/**
 * The likeliest classes by a picture's logits, at most `count`, best first.
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
  picture: Picture,
  logits: Float32Array,
  classes: readonly string[],
  topK: number,
): Prediction {
  const probabilities = probabilitiesOf(logits);
  const top = rankedClasses(logits, classes, topK, probabilities);
  const file = typeof picture === 'string' ? { path: picture } : {};
  return { ...file, ...(top[0] as RankedClass), probabilities, top };
}
