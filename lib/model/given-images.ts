import { type ImageInput, requireImages } from '../data/decoding/decode.ts';
import { decodeAll, type SkippedImage, skippedOf, undecodable } from '../data/decoding/decode-all.ts';
import { loadEngine } from '../engine/engine.ts';
import { settle } from '../engine/job.ts';
import type { DatasetOptions, NativeDataset } from '../engine/native.ts';
import { callback, flag } from '../options/index.ts';
import type { Resize } from '../options/resize.ts';
import { allocateBytes } from '../support/allocate.ts';
import { extractionOptions } from './extraction.ts';

/** Options of work on given images: each process of a job does its own. */
export const givenImagesOptions = extractionOptions.omit({
  distributed: true,
  joinTimeout: true,
  collectiveTimeout: true,
  onProgress: true,
  onWarning: true,
});

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

/** Decoded images without labels, and the engine's copies of them. */
export class GivenImages {
  readonly #images: Omit<DatasetOptions, 'labels' | 'device'>;
  readonly #copies: Array<Promise<NativeDataset>> = [];

  /** @param pixels uint8 `[count, side, side, 3]` */
  constructor(pixels: Uint8Array, side: number) {
    this.#images = { pixels, height: side, width: side };
  }

  /**
   * Copies the images to a device.
   *
   * @throws the signal's reason; TorchTlError `OUT_OF_MEMORY`
   */
  onDevice(device: string, signal: AbortSignal): Promise<NativeDataset> {
    return settle(() => {
      const job = loadEngine().createDataset({ ...this.#images, device });
      this.#copies.push(job.result);
      return job;
    }, signal);
  }

  /** Frees the engine's copies, including one that is still being made. */
  dispose(): void {
    for (const copy of this.#copies.splice(0)) {
      copy.then(
        (native) => native.dispose(),
        () => undefined,
      );
    }
  }
}

/**
 * Decodes images for a model and runs `work` on them.
 *
 * @param work receives the images, which are disposed of when its promise settles, and their indices among the given
 *   images
 * @returns the result of `work`; null if no image could be decoded
 * @throws what `decodeImages`, `work` and `onSkipped` throw
 */
export async function withImages<Result>(
  images: readonly ImageInput[],
  { imageSize, resize }: ModelShape,
  { signal, skipCorrupt, onSkipped }: GivenImagesControl,
  work: (images: GivenImages, kept: readonly number[]) => Promise<Result>,
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
  const all = failures.size === 0;
  const given = new GivenImages(all ? pixels : pixelsOf(pixels, imageSize, kept), imageSize);
  try {
    return await work(given, kept);
  } finally {
    given.dispose();
  }
}

/** Copies the pixels of the images at these indices. */
function pixelsOf(pixels: Uint8Array, side: number, indices: readonly number[]): Uint8Array {
  const bytes = side * side * 3;
  const chosen = allocateBytes(indices.length * bytes, `A data set of ${indices.length} images`);
  for (const [place, index] of indices.entries()) {
    chosen.set(pixels.subarray(index * bytes, (index + 1) * bytes), place * bytes);
  }
  return chosen;
}
