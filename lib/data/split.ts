import { InputError } from '../errors.ts';
import { between0And1, checkNumber, wideSeed } from '../options/range.ts';
import { count } from '../support/format.ts';
import { seededRandom, shuffled } from '../support/random.ts';
import { divideUnits } from './divide.ts';

/**
 * Splits images into two parts, the first with about `fraction` of every class, and returns their indices. Both parts
 * keep the order. The sizes per class are rounded by the largest-remainder method, so that the total is right. A class
 * with two or more images has at least one in each part; a single image is in the larger part, unless all are single.
 *
 * Units stay whole. The sizes are then as near to the wanted ones as `divideUnits` comes, and a class with two or more
 * units is in each part where possible.
 *
 * @param fraction greater than 0 and less than 1
 * @param seed of the random selection
 * @param units of the images, from `unitsOf`; by default every image is one
 * @throws InputError `INVALID_ARGUMENT`, also if a part would be empty, as for images that are all one unit
 */
export function splitPerClass(
  labels: BigInt64Array,
  fraction: number,
  seed: number,
  units?: readonly number[],
): [number[], number[]] {
  checkNumber('fraction', between0And1(), fraction);
  checkNumber('seed', wideSeed(), seed);
  const classes = placesPerClass(labels);
  const sizes = sizesOfFirst(
    classes.map(({ length }) => length),
    fraction,
  );
  const random = seededRandom(seed);
  if (units) requireSeveral(units);
  const drawn = units
    ? drawnUnits(labels, classes, sizes, { units, random })
    : new Set(classes.flatMap((indices, index) => shuffled(indices, random).slice(0, sizes[index])));
  if (drawn.size === 0 || drawn.size === labels.length) {
    const message = `Splitting ${labels.length} images at ${fraction} leaves one part empty.`;
    throw new InputError('INVALID_ARGUMENT', message);
  }
  const all = [...labels.keys()];
  return [all.filter((index) => drawn.has(index)), all.filter((index) => !drawn.has(index))];
}

function requireSeveral(units: readonly number[]): void {
  if (units.some((unit) => unit !== units[0])) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `All ${count(units.length)} images belong to one group, which must not be split; at least 2 groups are needed. ` +
      'Groups that share exact twins count as one.',
  );
}

/** The images of the first part if units stay whole. */
function drawnUnits(
  labels: BigInt64Array,
  classes: readonly number[][],
  sizes: readonly number[],
  { units, random }: { units: readonly number[]; random: () => number },
): Set<number> {
  const wanted: [number[], number[]] = [[], []];
  for (const [place, images] of classes.entries()) {
    const label = Number(labels[images[0] as number]);
    const size = sizes[place] as number;
    wanted[0][label] = size;
    wanted[1][label] = images.length - size;
  }
  const sides = divideUnits(labels, units, wanted, random);
  return new Set([...sides.keys()].filter((image) => sides[image] === 0));
}

function placesPerClass(labels: BigInt64Array): number[][] {
  const places = new Map<bigint, number[]>();
  for (const [index, label] of labels.entries()) {
    const known = places.get(label);
    if (known) known.push(index);
    else places.set(label, [index]);
  }
  return [...places.values()];
}

/** The wanted size of each class in the first part. */
function sizesOfFirst(counts: number[], fraction: number): number[] {
  const shares = counts.map((count) => count * fraction);
  const sizes = shares.map(Math.floor);
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const missing = Math.round(sum(counts) * fraction) - sum(sizes);
  const remainder = (index: number) => (shares[index] as number) - (sizes[index] as number);
  const byRemainder = [...counts.keys()].sort((a, b) => remainder(b) - remainder(a));
  const raised = new Set(byRemainder.slice(0, missing));
  const areSingle = counts.every((count) => count < 2);
  return counts.map((count, index) => {
    const size = (sizes[index] as number) + (raised.has(index) ? 1 : 0);
    if (count >= 2) return Math.min(Math.max(size, 1), count - 1);
    return areSingle ? size : Math.round(fraction);
  });
}
