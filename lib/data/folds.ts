import { InputError } from '../errors.ts';
import { seededRandom, shuffled } from '../support/random.ts';
import { placesPerClass } from './split.ts';

/**
 * Deals images out to folds for cross-validation: each image is in exactly one fold, and images of one unit are in the
 * same fold. The largest units come first; each goes to the fold in which its classes are rarest so far, and among
 * equals to the smallest fold. Without units of several images the numbers of a class's images in two folds differ by
 * at most 1. Guarantees as scikit-learn's StratifiedGroupKFold.
 *
 * @param labels int64 `[count]`, index of the class of each image
 * @param units `[count]`, number of the unit of each image: the images that must stay together
 * @param folds number of folds, at least 2
 * @param seed of the order of units of the same size
 * @returns `[count]`, number of each image's fold, from 0
 * @throws InputError `INVALID_ARGUMENT` if a class has fewer images than there are folds, or if its images are all of
 *   one unit, so that one fold would train without the class
 */
export function foldsOf(
  labels: BigInt64Array,
  units: readonly number[],
  { folds, seed, classes }: { folds: number; seed: number; classes: readonly string[] },
): number[] {
  requireEnough(labels, units, folds, classes);
  const totals = new Map<bigint, number>();
  for (const label of labels) totals.set(label, (totals.get(label) ?? 0) + 1);
  const filled = Array.from({ length: folds }, () => ({ images: 0, perClass: new Map<bigint, number>() }));
  const foldOf = new Array<number>(labels.length);
  for (const { images, perClass } of unitsBySize(labels, units, seed)) {
    const crowding = ({ perClass: has }: (typeof filled)[number]) =>
      sum([...perClass], ([label, own]) => {
        const total = totals.get(label) as number;
        return (own * (2 * (has.get(label) ?? 0) + own)) / total ** 2;
      });
    const crowdings = filled.map(crowding);
    const chosen = [...filled.keys()].reduce((best, fold) => {
      const difference = (crowdings[fold] as number) - (crowdings[best] as number);
      const isSmaller = (filled[fold]?.images ?? 0) < (filled[best]?.images ?? 0);
      return difference < 0 || (difference === 0 && isSmaller) ? fold : best;
    }, 0);
    const fold = filled[chosen] as (typeof filled)[number];
    fold.images += images.length;
    for (const [label, own] of perClass) fold.perClass.set(label, (fold.perClass.get(label) ?? 0) + own);
    for (const image of images) foldOf[image] = chosen;
  }
  return foldOf;
}

interface Unit {
  images: number[];
  /** Number of images by label. */
  perClass: Map<bigint, number>;
}

/**
 * The largest first, those of one size by class, so that the folds' sizes stay even too, and within a class in an order
 * drawn from the seed.
 */
function unitsBySize(labels: BigInt64Array, units: readonly number[], seed: number): Unit[] {
  const found = new Map<number, Unit>();
  for (const [image, unit] of units.entries()) {
    const known: Unit = found.get(unit) ?? { images: [], perClass: new Map() };
    found.set(unit, known);
    const label = labels[image] as bigint;
    known.images.push(image);
    known.perClass.set(label, (known.perClass.get(label) ?? 0) + 1);
  }
  const drawn = shuffled([...found.values()], seededRandom(seed));
  const classOf = ({ images: [first = 0] }: Unit) => Number(labels[first]);
  return drawn.sort((a, b) => b.images.length - a.images.length || classOf(a) - classOf(b));
}

function requireEnough(
  labels: BigInt64Array,
  units: readonly number[],
  folds: number,
  classes: readonly string[],
): void {
  for (const places of placesPerClass(labels)) {
    const name = classes[Number(labels[places[0] as number])];
    if (places.length < folds) {
      throw new InputError(
        'INVALID_ARGUMENT',
        `${folds} folds need at least ${folds} images of each class, but '${name}' has ${places.length}. ` +
          'Use fewer folds, or add images of that class.',
      );
    }
    if (new Set(places.map((place) => units[place])).size < 2) {
      throw new InputError(
        'INVALID_ARGUMENT',
        `All images of '${name}' belong to one group, which one fold takes whole: the model for that fold would be ` +
          'trained without the class. Add images of another group.',
      );
    }
  }
}

function sum<Value>(values: readonly Value[], number: (value: Value) => number): number {
  return values.reduce((total, value) => total + number(value), 0);
}
