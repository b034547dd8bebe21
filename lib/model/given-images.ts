import { Dataset } from '../data/dataset.ts';
import { type ImageInput, requireImages } from '../data/decoding/decode.ts';
import { decodeAll, type SkippedImage, skippedOf, undecodable } from '../data/decoding/decode-all.ts';
import { select } from '../data/select.ts';
import { callback, flag } from '../options/index.ts';
import type { Resize } from '../options/resize.ts';

/** Options for images that cannot be decoded. */
export const skipOptions = {
  skipCorrupt: flag()
    .default(false)
    .describe(
      'leaves out images that cannot be decoded and reports them to `onSkipped`; without it they are an error',
    ),
  onSkipped: callback<(skipped: readonly SkippedInput[]) => void>().describe(
    'called with the images that were left out, if there are any',
  ),
};

/** An image that was left out, with the reason. */
export interface SkippedInput extends SkippedImage {
  /** Index among the given images. */
  index: number;
}

/** Properties of a model that its input images depend on. */
export interface ModelShape {
  classes: readonly string[];
  imageSize: number;
  resize: Resize;
}

/**
 * Returns one image or a list of images as a list.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
export function imageList(inputs: ImageInput | readonly ImageInput[]): readonly ImageInput[] {
  const images = Array.isArray(inputs) ? inputs : [inputs];
  requireImages('inputs', images);
  return images;
}

export interface GivenImagesControl {
  signal: AbortSignal;
  skipCorrupt: boolean;
  onSkipped?: ((skipped: readonly SkippedInput[]) => void) | undefined;
}

/**
 * Decodes images for a model and runs `work` on them.
 *
 * @param labels int64, one label per image, for the engine
 * @param work receives the images as a data set, which is disposed of when its promise settles, and their indices among
 *   the given images
 * @returns the result of `work`; null if no image could be decoded
 * @throws what `decodeImages`, `work` and `onSkipped` throw
 */
export async function withImages<Result>(
  images: readonly ImageInput[],
  labels: BigInt64Array,
  { classes, imageSize, resize }: ModelShape,
  { signal, skipCorrupt, onSkipped }: GivenImagesControl,
  work: (data: Dataset, kept: readonly number[]) => Promise<Result>,
): Promise<Result | null> {
  const { pixels, failures } = await decodeAll(images, { imageSize, resize, signal });
  if (failures.size > 0) {
    if (!skipCorrupt) throw undecodable(failures, images);
    const indices = [...failures.keys()].sort((a, b) => a - b);
    onSkipped?.(
      skippedOf(failures, images).map((skipped, place) => ({
        index: indices[place] as number,
        ...skipped,
      })),
    );
  }
  const kept = [...images.keys()].filter((index) => !failures.has(index));
  if (kept.length === 0) return null;
  const origin = { name: 'inputs', source: 'images given by the program', classes, resize };
  const size = { count: images.length, height: imageSize, width: imageSize };
  const all = { pixels, labels, ...size };
  const data = Dataset.of(origin, failures.size === 0 ? all : select(all, kept));
  try {
    return await work(data, kept);
  } finally {
    data.dispose();
  }
}
