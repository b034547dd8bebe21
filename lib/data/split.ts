import { InputError } from '../errors.ts';
import { between0And1, checkNumber, wideSeed } from '../options/range.ts';

/**
 * Splits images into two parts, the first with about `fraction` of every class, and returns their indices. Both parts
 * keep the order. The sizes per class are rounded by the largest-remainder method, so that the total is right. A class
 * with two or more images has at least one in each part.
 *
 * @param fraction greater than 0 and less than 1
 * @param seed of the random selection
 * @throws InputError `INVALID_ARGUMENT`, also if a part would be empty
 */
export function splitPerClass(labels: BigInt64Array, fraction: number, seed: number): [number[], number[]] {
  checkNumber('fraction', between0And1(), fraction);
  checkNumber('seed', wideSeed(), seed);
  const classes = placesPerClass(labels);
  const counts = classes.map(({ length }) => length);
  const sizes = sizesOfFirst(counts, fraction);
  const random = seededRandom(seed);
  const drawn = new Set(
    classes.flatMap((indices, index) => shuffled(indices, random).slice(0, sizes[index])),
  );
  if (drawn.size === 0 || drawn.size === labels.length) {
    const message = `Splitting ${labels.length} images at ${fraction} leaves one part empty.`;
    throw new InputError('INVALID_ARGUMENT', message);
  }
  const all = [...labels.keys()];
  return [all.filter((index) => drawn.has(index)), all.filter((index) => !drawn.has(index))];
}

export function placesPerClass(labels: BigInt64Array): number[][] {
  const places = new Map<bigint, number[]>();
  for (const [index, label] of labels.entries()) {
    const known = places.get(label);
    if (known) known.push(index);
    else places.set(label, [index]);
  }
  return [...places.values()];
}

function sizesOfFirst(counts: number[], fraction: number): number[] {
  const shares = counts.map((count) => count * fraction);
  const sizes = shares.map(Math.floor);
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const missing = Math.round(sum(counts) * fraction) - sum(sizes);
  const remainder = (index: number) => (shares[index] as number) - (sizes[index] as number);
  const byRemainder = [...counts.keys()].sort((a, b) => remainder(b) - remainder(a));
  const raised = new Set(byRemainder.slice(0, missing));
  return counts.map((count, index) => {
    const size = (sizes[index] as number) + (raised.has(index) ? 1 : 0);
    return count < 2 ? size : Math.min(Math.max(size, 1), count - 1);
  });
}

/** The Fisher-Yates shuffle. */
export function shuffled<Value>(values: readonly Value[], random: () => number): Value[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last--) {
    const drawn = Math.floor(random() * (last + 1));
    [result[last], result[drawn]] = [result[drawn] as Value, result[last] as Value];
  }
  return result;
}

/** Random numbers from 0 to less than 1, identical on every machine for the same seed: Tommy Ettinger's mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
