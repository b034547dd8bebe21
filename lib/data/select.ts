import { allocateBytes } from '../allocate.ts';
import type { PictureSet } from './picture-set.ts';

/** A copy of the pictures at these places, in this order. */
export function select(set: PictureSet, indices: readonly number[]): PictureSet {
  const bytes = set.height * set.width * 3;
  const count = indices.length;
  const pixels = allocateBytes(count * bytes, `A data set of ${count} pictures`);
  for (const [position, index] of indices.entries()) {
    pixels.set(set.pixels.subarray(index * bytes, (index + 1) * bytes), position * bytes);
  }
  const labels = BigInt64Array.from(indices, (index) => set.labels[index] as bigint);
  return { ...set, pixels, labels, count };
}
