import { checkNumber, limit as limitRange } from '../options/range.ts';
import type { ImageSet } from './image-set.ts';
import { select } from './select.ts';

/**
 * The first `limit` images, balanced across classes, in their order. If the limit is not divisible by the number of
 * classes, the first classes get one more. If a class has too few images, the others get more. Returns `set` itself if
 * it has at most `limit` images.
 *
 * @throws InputError `INVALID_ARGUMENT` for a limit that is not an integer of at least 1
 */
export function limitPerClass(set: ImageSet, limit: number): ImageSet {
  const indices = indicesPerClass(set.labels, limit);
  return indices.length === set.count ? set : select(set, indices);
}

/**
 * The indices of the images that `limitPerClass` selects.
 *
 * @throws InputError `INVALID_ARGUMENT` for a limit that is not an integer of at least 1
 */
export function indicesPerClass(labels: BigInt64Array, limit: number): number[] {
  checkNumber('limit', limitRange(), limit);
  const all = [...labels.keys()];
  if (limit >= labels.length) return all;
  const left = share(limit, countLabels(labels));
  return all.filter((index) => {
    const label = labels[index] as bigint;
    const wanted = left.get(label) ?? 0;
    left.set(label, wanted - 1);
    return wanted > 0;
  });
}

/** Number of images per class, in the order of the classes. */
export function countPerClass(labels: BigInt64Array, classes: number): number[] {
  const counts = countLabels(labels);
  return Array.from({ length: classes }, (_, label) => counts.get(BigInt(label)) ?? 0);
}

function countLabels(labels: BigInt64Array): Map<bigint, number> {
  const counts = new Map<bigint, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** Number of images to take from each class: assigned one at a time, in turn, to the classes that have any left. */
function share(limit: number, counts: Map<bigint, number>): Map<bigint, number> {
  const classes = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  const shares = new Map<bigint, number>();
  let assigned = 0;
  while (assigned < limit) {
    for (const [label, count] of classes) {
      const taken = shares.get(label) ?? 0;
      if (taken === count || assigned === limit) continue;
      shares.set(label, taken + 1);
      assigned++;
    }
  }
  return shares;
}
