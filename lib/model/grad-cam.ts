import { z } from 'zod';
import type { ImageInput } from '../data/decoding/decode.ts';
import { indicesOf } from '../data/labels.ts';
import { InputError } from '../errors.ts';
import type { GradCamDocs } from '../options/docs.ts';
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

const CLASSES = 'a list of class names';

export const gradCamOptions = givenImagesOptions.extend({
  classes: z
    .array(z.string({ error: CLASSES }), { error: CLASSES })
    .readonly()
    .optional()
    .describe('class to map for each image; by default the likeliest one'),
  ...skipOptions,
});

export type GradCamOptions = z.input<typeof gradCamOptions> & GradCamDocs;

/** Class-activation map of one image: how strongly each place supports a class. */
export interface ClassActivation {
  /** Path of the image, if it was given as a path. */
  path?: string;
  /** Name of the class. */
  label: string;
  /** Index in the model's classes. */
  index: number;
  /** Probability of the class, from 0 to 1. */
  probability: number;
  /** Width of the map, about 1/32 of the image's width. */
  width: number;
  /** Height of the map, about 1/32 of the image's height. */
  height: number;
  /**
   * Map in row-major order, scaled so that its maximum is 1; all values are 0 if no place supports the class.
   */
  map: Float32Array;
}

/**
 * Decodes images for a model and computes their class-activation maps. The maps are in the order of the images, without
 * those that were left out.
 *
 * @param classes class to map for each image
 * @param compute computes maps `[count, height, width]` and logits `[count, classes]` of images, for one class per image
 *   (int64 `[count]`) or, with null, for the likeliest classes
 * @throws InputError `INVALID_ARGUMENT`; what `decodeImages` and `compute` throw
 */
export async function gradCam(
  inputs: ImageInput | readonly ImageInput[],
  shape: ModelShape,
  { classes, ...control }: { classes?: readonly string[] | undefined } & GivenImagesControl,
  compute: (
    images: GivenImages,
    classes: BigInt64Array | null,
  ) => Promise<{ maps: FeatureMatrix; logits: FeatureMatrix }>,
): Promise<ClassActivation[]> {
  const images = imageList(inputs);
  if (classes && classes.length !== images.length) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `classes has ${classes.length} names for ${images.length} images; give one per image, or none at all.`,
    );
  }
  const mapped = classes ? indicesOf(classes, shape.classes) : null;
  if (images.length === 0) return [];
  const activations = await withImages(images, shape, control, async (given, kept) => {
    const ofKept = mapped && BigInt64Array.from(kept, (image) => mapped[image] as bigint);
    const { maps, logits } = await compute(given, ofKept);
    const [, height = 0, width = 0] = maps.shape;
    const heats = rowsOf({ shape: [kept.length, height * width], data: maps.data });
    return rowsOf(logits).map((row, place) => {
      const image = kept[place] as number;
      const path = images[image];
      const index = mapped ? Number(mapped[image]) : (ranking(row)[0] as number);
      return {
        ...(typeof path === 'string' ? { path } : {}),
        label: shape.classes[index] as string,
        index,
        probability: Math.exp(logSoftmax(row)[index] as number),
        width,
        height,
        map: normalised(heats[place] as Float32Array),
      };
    });
  });
  return activations ?? [];
}

function normalised(map: Float32Array): Float32Array {
  const largest = map.reduce((a, b) => Math.max(a, b), 0);
  return largest === 0 ? map : map.map((value) => value / largest);
}
