import { describe, expect, test } from 'vitest';
import { splitPerClass } from '../../lib/data/split.ts';
import { seededRandom } from '../../lib/support/random.ts';

describe('splitPerClass', () => {
  test('takes the fraction of every class, and rounds so that the sum comes out right', () => {
    expect(sizes([10, 10, 20], 0.8)).toEqual([8, 8, 16]);
    expect(sizes([3, 3, 4], 0.5)).toEqual([2, 1, 2]);
    expect(sizes([100], 0.29)).toEqual([29]);
  });

  test('leaves at least one image of a class of two or more on either side', () => {
    expect(sizes([2, 100], 0.9)).toEqual([1, 90]);
    expect(sizes([100, 2], 0.01)).toEqual([1, 1]);
    expect(sizes([1, 10], 0.8)).toEqual([1, 8]);
  });

  test('keeps the order and takes every image once', () => {
    const [first, rest] = splitPerClass(labelsOf([5, 7, 9]), 0.6, 3);
    for (const part of [first, rest]) expect(part).toEqual([...part].sort((a, b) => a - b));
    expect([...first, ...rest].sort((a, b) => a - b)).toEqual([...Array(21).keys()]);
  });

  test('draws the same for the same seed and other images for another', () => {
    const drawn = (seed: number) => splitPerClass(labelsOf([50, 50]), 0.5, seed)[0];
    expect(drawn(7)).toEqual(drawn(7));
    expect(new Set([0, 1, 2, 2 ** 32, 2 ** 33].map((seed) => drawn(seed).join())).size).toBe(5);
  });

  test('draws every image now and then', () => {
    const seen = new Set<number>();
    for (let seed = 0; seed < 40; seed++)
      for (const index of splitPerClass(labelsOf([8]), 0.5, seed)[0]) seen.add(index);
    expect(seen.size).toBe(8);
  });

  test.each([0, 1, -0.5, Number.NaN])('refuses the fraction %d', (fraction) => {
    expect(() => splitPerClass(labelsOf([4]), fraction, 0)).toThrow(refused('fraction'));
  });

  test('refuses what would leave a part empty', () => {
    expect(() => splitPerClass(labelsOf([1]), 0.5, 0)).toThrow(refused('leaves one part empty'));
  });
});

describe('splitPerClass with units', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))('holds its promises for random set %i', (seed) => {
    const { labels, units, classes } = randomSet(seed);
    const [first, rest] = splitPerClass(labels, 0.8, seed, units);
    expect([...first, ...rest].sort((a, b) => a - b)).toEqual([...labels.keys()]);
    for (const part of [first, rest]) expect(part).toEqual([...part].sort((a, b) => a - b));
    const sides = new Set([...first.map((index) => units[index])]);
    expect(rest.filter((index) => sides.has(units[index]))).toEqual([]);
    expect(splitPerClass(labels, 0.8, seed, units)).toEqual([first, rest]);
    for (let label = 0n; label < classes; label++) {
      const of = (part: readonly number[]) => part.filter((index) => labels[index] === label);
      const all = of([...labels.keys()]);
      const sizes = [...new Set(all.map((index) => units[index]))].map(
        (unit) => all.filter((index) => units[index] === unit).length,
      );
      if (sizes.length > 1) expect(Math.min(of(first).length, of(rest).length)).toBeGreaterThan(0);
      const missed = Math.abs(of(first).length - 0.8 * all.length);
      expect(missed).toBeLessThanOrEqual(Math.max(1, ...sizes));
    }
  });

  test('reaches the same sizes as without units if single images can make up for the units', () => {
    const labels = labelsOf([50, 30, 21]);
    const units = [...labels.keys()];
    // Image 3k has the class of image 0.
    units[3] = 0;
    units[6] = 0;
    const [first] = splitPerClass(labels, 0.8, 5, units);
    const perClass = [0n, 1n, 2n].map((label) => first.filter((index) => labels[index] === label).length);
    expect(perClass).toEqual(sizes([50, 30, 21], 0.8));
  });

  test('draws other units for another seed', () => {
    const labels = labelsOf([40, 40]);
    const units = [...labels.keys()].map((index) => index - (index % 4));
    const drawn = (seed: number) => splitPerClass(labels, 0.5, seed, units)[0].join();
    expect(new Set([0, 1, 2, 3, 4].map(drawn)).size).toBe(5);
  });

  test('keeps a class of a single unit in the larger part', () => {
    const labels = BigInt64Array.from([0n, 0n, 0n, 0n, 1n, 1n, 1n, 1n, 1n]);
    for (let seed = 0; seed < 10; seed++) {
      expect(splitPerClass(labels, 0.8, seed, [0, 0, 0, 0, 4, 5, 6, 7, 8])[0].slice(0, 4)).toEqual([
        0, 1, 2, 3,
      ]);
    }
  });

  test('refuses a single unit', () => {
    const message =
      'All 6 images belong to one group, which must not be split; at least 2 groups are needed. ' +
      'Groups that share exact twins count as one.';
    expect(() => splitPerClass(labelsOf([3, 3]), 0.8, 0, [0, 0, 0, 0, 0, 0])).toThrow(refused(message));
  });
});

/** Images of 2 to 6 classes in units of up to 6 images, some of which hold several classes. */
function randomSet(seed: number): { labels: BigInt64Array; units: number[]; classes: number } {
  const random = seededRandom(1000 + seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const classes = 2 + below(5);
  const labels: bigint[] = [];
  const units: number[] = [];
  for (let unit = 0; unit < classes * 8; unit++) {
    const start = labels.length;
    const own = unit % classes;
    const size = 1 + below(6);
    for (let image = 0; image < size; image++) {
      labels.push(BigInt(random() < 0.8 ? own : below(classes)));
      units.push(start);
    }
  }
  return { labels: BigInt64Array.from(labels), units, classes };
}

/** So many images of each class, interleaved. */
function labelsOf(counts: number[]): BigInt64Array {
  const labels: bigint[] = [];
  for (let turn = 0; turn < Math.max(...counts); turn++) {
    for (const [label, count] of counts.entries()) if (turn < count) labels.push(BigInt(label));
  }
  return BigInt64Array.from(labels);
}

/** How many of each class the first part has. */
function sizes(counts: number[], fraction: number): number[] {
  const labels = labelsOf(counts);
  const [first] = splitPerClass(labels, fraction, 0);
  return counts.map((_, label) => first.filter((index) => labels[index] === BigInt(label)).length);
}

function refused(text: string) {
  return expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(text) });
}
