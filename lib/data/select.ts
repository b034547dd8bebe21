import { allocateBytes } from '../support/allocate.ts';
import type { ImageSet, Images } from './image-set.ts';

/** The images at the given indices, in that order. Pixels in memory are copied. */
export function select<Set extends Images>(set: Set, indices: readonly number[]): Set {
  const labels = pick(set.labels, indices);
  const chosen = 'file' in set ? { places: pick(set.places, indices) } : { pixels: copy(set, indices) };
  const files = set.files && { files: indices.map((index) => set.files?.[index] as string) };
  const groups = set.groups && { groups: indices.map((index) => set.groups?.[index] ?? null) };
  return { ...set, ...chosen, ...files, ...groups, labels, count: indices.length };
}

function pick(values: BigInt64Array, indices: readonly number[]): BigInt64Array {
  return BigInt64Array.from(indices, (index) => values[index] as bigint);
}

function copy(set: ImageSet, indices: readonly number[]): Uint8Array {
  const bytes = set.height * set.width * 3;
  const pixels = allocateBytes(indices.length * bytes, `A data set of ${indices.length} images`);
  for (const [position, index] of indices.entries()) {
    pixels.set(set.pixels.subarray(index * bytes, (index + 1) * bytes), position * bytes);
  }
  return pixels;
}

/** The images from index `begin` to before `end`. Pixels in memory are not copied. */
export function range<Set extends Images>(set: Set, begin: number, end: number): Set {
  const bytes = set.height * set.width * 3;
  const chosen =
    'file' in set
      ? { places: set.places.subarray(begin, end) }
      : { pixels: set.pixels.subarray(begin * bytes, end * bytes) };
  const files = set.files && { files: set.files.slice(begin, end) };
  const groups = set.groups && { groups: set.groups.slice(begin, end) };
  return {
    ...set,
    ...chosen,
    ...files,
    ...groups,
    labels: set.labels.subarray(begin, end),
    count: end - begin,
  };
}
