import { describe, expect, test } from 'vitest';
import type { ImageSet } from '../../lib/data/image-set.ts';
import { limitPerClass } from '../../lib/data/limit.ts';

describe('limitPerClass', () => {
  test('takes the first images of each class, in their order', () => {
    expect(taken(limitPerClass(setOf([2, 0, 0, 1, 2, 1, 0, 2]), 6))).toEqual([0, 1, 2, 3, 4, 5]);
    expect(taken(limitPerClass(setOf([0, 0, 0, 1, 1, 0]), 4))).toEqual([0, 1, 3, 4]);
  });

  test('gives the earlier classes one more where the limit does not divide', () => {
    expect(taken(limitPerClass(setOf([2, 2, 1, 1, 0, 0]), 5))).toEqual([0, 2, 3, 4, 5]);
    expect(taken(limitPerClass(setOf([2, 1, 0]), 1))).toEqual([2]);
  });

  test('makes up for a class that has too few', () => {
    expect(taken(limitPerClass(setOf([0, 1, 1, 1, 1, 2, 2]), 6))).toEqual([0, 1, 2, 3, 5, 6]);
  });

  test('keeps labels, size and pixels of what it takes', () => {
    const limited = limitPerClass(setOf([1, 1, 0, 0]), 2);
    expect(limited).toMatchObject({ count: 2, height: 2, width: 1 });
    expect([...limited.labels]).toEqual([1n, 0n]);
    expect([...limited.pixels]).toEqual([0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2]);
  });

  test('gives the whole set where the limit reaches its count', () => {
    const set = setOf([0, 1, 1]);
    expect(limitPerClass(set, 3)).toBe(set);
    expect(limitPerClass(set, 1e9)).toBe(set);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (limit) => {
    expect(() => limitPerClass(setOf([0]), limit)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('limit') }),
    );
  });
});

/** Images of 2 x 1 pixels that hold their own index. */
function setOf(labels: number[]): ImageSet {
  return {
    pixels: Uint8Array.from({ length: labels.length * 6 }, (_, index) => Math.floor(index / 6)),
    labels: BigInt64Array.from(labels, BigInt),
    count: labels.length,
    height: 2,
    width: 1,
  };
}

function taken({ pixels, count }: ImageSet): Array<number | undefined> {
  expect(pixels).toHaveLength(count * 6);
  return Array.from({ length: count }, (_, index) => pixels[6 * index]);
}
