import { InputError } from '../errors.ts';
import { seededRandom } from '../support/random.ts';
import { divideUnits } from './divide.ts';
import { countPerClass } from './limit.ts';

export interface FoldOptions {
  /** Number of folds, at least 2. */
  folds: number;
  /** Seed of the order of equally large units. */
  seed: number;
  /** Names of the classes, for errors. */
  classes: readonly string[];
}

/**
 * Deals images out to folds for cross-validation: each image is in exactly one fold, units stay whole, and every fold
 * has about the same number of images of each class. Without units of several images the numbers of a class's images in
 * two folds differ by at most 1. scikit-learn's StratifiedGroupKFold guarantees the same.
 *
 * @param labels int64 `[count]`: indices into the classes
 * @param units of the images, from `unitsOf`; by default every image is one
 * @returns the fold of each image, from 0
 * @throws InputError `INVALID_ARGUMENT` if a class has fewer images than there are folds, or if its images are all of
 *   one unit, so that the model for one fold would be trained without the class
 */
export function foldsOf(
  labels: BigInt64Array,
  units: readonly number[] = [...labels.keys()],
  { folds, seed, classes }: FoldOptions,
): number[] {
  const totals = countPerClass(labels, classes.length);
  requireEnough(labels, units, totals, { folds, classes });
  const even = totals.map((total) => total / folds);
  const wanted = Array.from({ length: folds }, () => even);
  return divideUnits(labels, units, wanted, seededRandom(seed));
}

function requireEnough(
  labels: BigInt64Array,
  units: readonly number[],
  totals: readonly number[],
  { folds, classes }: Pick<FoldOptions, 'folds' | 'classes'>,
): void {
  const few = totals.findIndex((total) => total < folds);
  if (few >= 0) {
    throw new InputError(
      'INVALID_ARGUMENT',
      `${folds} folds need at least ${folds} images of each class, but '${classes[few]}' has ${totals[few]}. ` +
        'Use fewer folds, or add images of that class.',
    );
  }
  const unitsPerClass = totals.map(() => new Set<number>());
  for (const [image, label] of labels.entries()) unitsPerClass[Number(label)]?.add(units[image] as number);
  const whole = unitsPerClass.findIndex(({ size }) => size < 2);
  if (whole < 0) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `All images of '${classes[whole]}' belong to one group, which one fold takes whole: the model for that fold would be ` +
      'trained without the class. Add images of another group.',
  );
}
