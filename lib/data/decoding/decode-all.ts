import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { guarded } from '../../engine/job.ts';
import { InputError, TorchTlError } from '../../errors.ts';
import type { Resize } from '../../options/resize.ts';
import { allocateBytes } from '../../support/allocate.ts';
import { isExhausted, reason, unreadable } from '../../support/files.ts';
import { decodeImage, type ImageInput, imageName } from './decode.ts';

/** Number of images in progress: more than processors, so that some are decoded while others are read or enlarged. */
export const DECODED_AT_ONCE = 4 * availableParallelism();

export interface DecodeOptions {
  /** Side of the decoded images in pixels. */
  imageSize: number;
  resize: Resize;
  /** Stops the decoding after the images in progress. */
  signal?: AbortSignal | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** An image that was skipped, and why. */
export interface SkippedImage {
  /** Path of its file, or `the image at index N`. */
  path: string;
  reason: string;
}

/** The reasons why images cannot be decoded, by index. */
export type Failures = Map<number, string>;

/**
 * Decodes images, several at a time, into uint8 `[count, imageSize, imageSize, 3]`.
 *
 * @throws InputError `DATA_INVALID` with the images that cannot be decoded and the reasons; the signal's reason after
 *   an abort; the error that `onProgress` threw; TorchTlError `OUT_OF_MEMORY` or `PLATFORM_UNSUPPORTED`
 */
export async function decodeImages(
  images: readonly ImageInput[],
  options: DecodeOptions,
): Promise<Uint8Array> {
  const { pixels, failures } = await decodeAll(images, options);
  if (failures.size > 0) throw undecodable(failures, images);
  return pixels;
}

/**
 * As `decodeImages`, but images that cannot be decoded are black and listed in `failures`.
 *
 * @throws as `decodeImages`, except for images that cannot be decoded
 */
export async function decodeAll(
  images: readonly ImageInput[],
  { imageSize, resize, signal, onProgress = () => {} }: DecodeOptions,
): Promise<{ pixels: Uint8Array; failures: Failures }> {
  signal?.throwIfAborted();
  // The program may change its working directory meanwhile.
  const sources = images.map((image) => (typeof image === 'string' ? resolve(image) : image));
  const bytes = imageSize * imageSize * 3;
  const pixels = allocateBytes(images.length * bytes, `A data set of ${images.length} images`);
  const failures: Failures = new Map();
  const failure = new AbortController();
  const stops = [signal, failure.signal];
  const report = guarded<number>((done) => onProgress(done, images.length), failure);
  let next = 0;
  let done = 0;

  async function decodeNext(): Promise<void> {
    while (next < images.length && !stops.some((stop) => stop?.aborted)) {
      const index = next++;
      const target = pixels.subarray(index * bytes, (index + 1) * bytes);
      try {
        await decodeImage(sources[index] as ImageInput, imageSize, resize, target);
      } catch (error) {
        const image = imageName(images[index] as ImageInput, index);
        if (error instanceof TorchTlError) failure.abort(error);
        else if (isExhausted(error)) failure.abort(unreadable(image, error));
        else failures.set(index, reason(error as Error));
      }
      report(++done);
    }
  }

  await Promise.all(Array.from({ length: DECODED_AT_ONCE }, decodeNext));
  for (const stop of stops) stop?.throwIfAborted();
  return { pixels, failures };
}

/** The images that cannot be decoded, in their order. */
export function skippedOf(failures: Failures, images: readonly ImageInput[]): SkippedImage[] {
  return [...failures]
    .sort(([a], [b]) => a - b)
    .map(([index, reason]) => ({ path: imageName(images[index] as ImageInput, index), reason }));
}

/** Largest number of images that an error lists. */
const NAMED = 20;

/** The error that lists the images that cannot be decoded, and names the option that skips them. */
export function undecodable(failures: Failures, images: readonly ImageInput[]): InputError {
  const all = skippedOf(failures, images).map(({ path, reason }) => `  ${path}: ${reason}`);
  const lines = all.slice(0, NAMED);
  if (all.length > NAMED) lines.push(`  and ${all.length - NAMED} more`);
  const summary = `${all.length} of ${images.length} images cannot be decoded. Repair or remove them`;
  const message = (option: string) => [`${summary}, or skip them with ${option}:`, ...lines];
  return new InputError('DATA_INVALID', message('`skipCorrupt: true`'), {
    atCommandLine: message('--skip-corrupt'),
  });
}
