import { availableParallelism } from 'node:os';
import { guarded } from '../../engine/job.ts';
import { InputError, TorchTlError } from '../../errors.ts';
import type { Resize } from '../../options/resize.ts';
import { allocateBytes } from '../../support/allocate.ts';
import { isExhausted, reason, unreadable } from '../../support/files.ts';
import { decodeImage, type ImageInput, imageName } from './decode.ts';

/** More images than processors: while some are read, enlarged or waited for, others are decoded. */
export const DECODED_AT_ONCE = 4 * availableParallelism();

export interface DecodeOptions {
  /** Side of the decoded images in pixels. */
  imageSize: number;
  resize: Resize;
  /** Stops the decoding; the images in hand are finished. */
  signal?: AbortSignal | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** An image that was left out, and why. */
export interface SkippedImage {
  /** Its file, or its place among those given. */
  path: string;
  reason: string;
}

/** Why images cannot be decoded, by their index. */
export type Failures = Map<number, string>;

/**
 * Decodes images, several at a time, into uint8 `[count, imageSize, imageSize, 3]`.
 *
 * @throws InputError `DATA_INVALID` that names the images that cannot be decoded, with reasons; the
 *   signal's reason; what `onProgress` threw; TorchTlError `OUT_OF_MEMORY` or `PLATFORM_UNSUPPORTED`
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
 * The same, but those that cannot be decoded are told of, and black.
 *
 * @throws as `decodeImages`, but for those
 */
export async function decodeAll(
  images: readonly ImageInput[],
  { imageSize, resize, signal, onProgress = () => {} }: DecodeOptions,
): Promise<{ pixels: Uint8Array; failures: Failures }> {
  signal?.throwIfAborted();
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
        await decodeImage(images[index] as ImageInput, imageSize, resize, target);
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

/** In the images' order. */
export function skippedOf(failures: Failures, images: readonly ImageInput[]): SkippedImage[] {
  return [...failures]
    .sort(([a], [b]) => a - b)
    .map(([index, reason]) => ({ path: imageName(images[index] as ImageInput, index), reason }));
}

/** So many broken images are named in an error. */
const NAMED = 20;

/** The error that names them, or the first of them, and the option that leaves them out. */
export function undecodable(failures: Failures, images: readonly ImageInput[]): InputError {
  const all = skippedOf(failures, images).map(({ path, reason }) => `  ${path}: ${reason}`);
  const lines = all.slice(0, NAMED);
  if (all.length > NAMED) lines.push(`  and ${all.length - NAMED} more`);
  const summary = `${all.length} of ${images.length} images cannot be decoded; mend or remove them`;
  const said = (option: string) => [`${summary}, or leave them out with ${option}:`, ...lines];
  return new InputError('DATA_INVALID', said('`skipCorrupt: true`'), {
    atCommandLine: said('--skip-corrupt'),
  });
}
