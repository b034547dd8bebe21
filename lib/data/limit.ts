import { checkNumber, limit as limitRange } from '../options/range.ts';
import type { ImageSet } from './image-set.ts';
import { select } from './select.ts';

/**
 * The first `limit` images, spread evenly over the classes and kept in their order. Where the
 * limit does not divide by the classes, the earlier ones get one more; where a class has too few,
 * the others make up for it. The set itself comes back where it has no more than `limit`.
 *
 * @throws InputError `INVALID_ARGUMENT` for a limit that is no integer from 1
 */
export function limitPerClass(set: ImageSet, limit: number): ImageSet {
  const indices = indicesPerClass(set.labels, limit);
  return indices.length === set.count ? set : select(set, indices);
}

/**
 * The places of the images that `limitPerClass` takes.
 *
 * @throws InputError `INVALID_ARGUMENT` for a limit that is no integer from 1
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

/** How many images each class has, in the classes' order. */
export function countPerClass(labels: BigInt64Array, classes: number): number[] {
  const counts = countLabels(labels);
  return Array.from({ length: classes }, (_, label) => counts.get(BigInt(label)) ?? 0);
}

function countLabels(labels: BigInt64Array): Map<bigint, number> {
  const counts = new Map<bigint, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** How many images each class gives, dealt out one at a time to the classes that have some left. */
function share(limit: number, counts: Map<bigint, number>): Map<bigint, number> {
  const classes = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  const shares = new Map<bigint, number>();
  let dealt = 0;
  while (dealt < limit) {
    for (const [label, count] of classes) {
      const sofar = shares.get(label) ?? 0;
      if (sofar === count || dealt === limit) continue;
      shares.set(label, sofar + 1);
      dealt++;
    }
  }
  return shares;
}
