import { Dataset } from '../data/dataset.ts';
import { type ImageInput, requireImages } from '../data/decoding/decode.ts';
import { decodeAll, type SkippedImage, skippedOf, undecodable } from '../data/decoding/decode-all.ts';
import { select } from '../data/select.ts';
import { callback, flag } from '../options/index.ts';
import type { Resize } from '../options/resize.ts';

/** What is done about images of the caller's that cannot be decoded. */
export const skipOptions = {
  skipCorrupt: flag()
    .default(false)
    .describe(
      'leaves out the images that cannot be decoded, which `onSkipped` hears of; else they are an error',
    ),
  onSkipped: callback<(skipped: readonly SkippedInput[]) => void>().describe(
    'hears which images were left out, where any were',
  ),
};

/** An image that was left out, and why. */
export interface SkippedInput extends SkippedImage {
  /** Its place among those given. */
  index: number;
}

/** What images of the caller's are prepared for. */
export interface ModelShape {
  classes: readonly string[];
  imageSize: number;
  resize: Resize;
}

/**
 * One image, or a list of them, as a list.
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
 * Decodes images as a model of this shape needs them, and works with them.
 *
 * @param labels int64, one per image, for the engine
 * @param work has the images until its promise is settled, and hears which of those given they are
 * @returns what `work` gives; null where no image is left
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
