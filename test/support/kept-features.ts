import type { FeatureCacheOptions, FeatureKeys, SetKeys } from '../../lib/engine/native-training.ts';

/*
 * Features that the engine keeps, under keys that a test makes up.
 */

/** Keys of one origin for images that are told apart by numbers. */
export function keysOf(origin: string, images: readonly number[]): SetKeys {
  const keys = new BigUint64Array(images.length * 2);
  for (const [position, image] of images.entries()) keys[position * 2] = BigInt(image);
  return { origin: origin.repeat(64), images: new Uint8Array(keys.buffer) };
}

/** Numbers from `first` on. */
export function numbers(count: number, first = 0): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** Keys for sets that have no image in common. */
export function featureKeys(cut: string, counts: { train: number; valid: number }): FeatureKeys {
  const about = JSON.stringify({ cut, weights: 'tiny-imagenet-distilled', imageSize: 32, precision: 'fp32' });
  const { train, valid } = counts;
  return { cut, about, train: keysOf('a', numbers(train)), valid: keysOf('a', numbers(valid, 1000)) };
}

/** Options that keep features in a directory as a user's, or with a limit as in torch-tl's own. */
export function keptIn(
  directory: string,
  { limit = null, memoryLimit = 0 }: { limit?: number | null; memoryLimit?: number } = {},
): FeatureCacheOptions {
  return { directory, memoryLimit, kept: { directory, limit } };
}
