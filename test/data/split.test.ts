import { describe, expect, test } from 'vitest';
import { splitPerClass } from '../../lib/data/split.ts';

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
