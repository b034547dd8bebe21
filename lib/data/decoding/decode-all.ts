import { availableParallelism } from 'node:os';
import { guarded } from '../../engine/job.ts';
import { InputError, TorchTlError } from '../../errors.ts';
import type { Resize } from '../../options/resize.ts';
import { allocateBytes } from '../../support/allocate.ts';
import { isExhausted, reason, unreadable } from '../../support/files.ts';
import { decodePicture, type Picture, pictureName } from './decode.ts';

/** More pictures than processors: while some are read, enlarged or waited for, others are decoded. */
export const DECODED_AT_ONCE = 4 * availableParallelism();

export interface DecodeOptions {
  /** Side of the decoded pictures in pixels. */
  imageSize: number;
  resize: Resize;
  /** Stops the decoding; the pictures in hand are finished. */
  signal?: AbortSignal | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A picture that was left out, and why. */
export interface SkippedPicture {
  /** Its file, or its place among those given. */
  path: string;
  reason: string;
}

/** Why pictures cannot be decoded, by their index. */
export type Failures = Map<number, string>;

/**
 * Decodes pictures, several at a time, into uint8 `[count, imageSize, imageSize, 3]`.
 *
 * @throws InputError `DATA_INVALID` that names the pictures that cannot be decoded, with reasons; the
 *   signal's reason; what `onProgress` threw; TorchTlError `OUT_OF_MEMORY` or `PLATFORM_UNSUPPORTED`
 */
export async function decodePictures(
  pictures: readonly Picture[],
  options: DecodeOptions,
): Promise<Uint8Array> {
  const { pixels, failures } = await decodeAll(pictures, options);
  if (failures.size > 0) throw undecodable(failures, pictures);
  return pixels;
}

/**
 * The same, but those that cannot be decoded are told of, and black.
 *
 * @throws as `decodePictures`, but for those
 */
export async function decodeAll(
  pictures: readonly Picture[],
  { imageSize, resize, signal, onProgress = () => {} }: DecodeOptions,
): Promise<{ pixels: Uint8Array; failures: Failures }> {
  signal?.throwIfAborted();
  const bytes = imageSize * imageSize * 3;
  const pixels = allocateBytes(pictures.length * bytes, `A data set of ${pictures.length} pictures`);
  const failures: Failures = new Map();
  const failure = new AbortController();
  const stops = [signal, failure.signal];
  const report = guarded<number>((done) => onProgress(done, pictures.length), failure);
  let next = 0;
  let done = 0;

  async function decodeNext(): Promise<void> {
    while (next < pictures.length && !stops.some((stop) => stop?.aborted)) {
      const index = next++;
      const target = pixels.subarray(index * bytes, (index + 1) * bytes);
      try {
        await decodePicture(pictures[index] as Picture, imageSize, resize, target);
      } catch (error) {
        const picture = pictureName(pictures[index] as Picture, index);
        if (error instanceof TorchTlError) failure.abort(error);
        else if (isExhausted(error)) failure.abort(unreadable(picture, error));
        else failures.set(index, reason(error as Error));
      }
      report(++done);
    }
  }

  await Promise.all(Array.from({ length: DECODED_AT_ONCE }, decodeNext));
  for (const stop of stops) stop?.throwIfAborted();
  return { pixels, failures };
}

/** In the pictures' order. */
export function skippedOf(failures: Failures, pictures: readonly Picture[]): SkippedPicture[] {
  return [...failures]
    .sort(([a], [b]) => a - b)
    .map(([index, reason]) => ({ path: pictureName(pictures[index] as Picture, index), reason }));
}

/** So many broken pictures are named in an error. */
const NAMED = 20;

/** The error that names them, or the first of them, and the option that leaves them out. */
export function undecodable(failures: Failures, pictures: readonly Picture[]): InputError {
  const all = skippedOf(failures, pictures).map(({ path, reason }) => `  ${path}: ${reason}`);
  const lines = all.slice(0, NAMED);
  if (all.length > NAMED) lines.push(`  and ${all.length - NAMED} more`);
  const summary = `${all.length} of ${pictures.length} pictures cannot be decoded; mend or remove them`;
  const said = (option: string) => [`${summary}, or leave them out with ${option}:`, ...lines];
  return new InputError('DATA_INVALID', said('`skipCorrupt: true`'), {
    atCommandLine: said('--skip-corrupt'),
  });
}
