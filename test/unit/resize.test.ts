import { describe, expect, test } from 'vitest';
import { centre, enlarge, scaledSize } from '../../lib/data/resize.ts';

describe('scaledSize', () => {
  test.each([
    ['cover', { width: 500, height: 375 }, { width: 298, height: 224 }],
    ['contain', { width: 500, height: 375 }, { width: 224, height: 168 }],
    ['stretch', { width: 500, height: 375 }, { width: 224, height: 224 }],
    ['contain', { width: 1, height: 10_000 }, { width: 1, height: 224 }],
  ] as const)('%s takes %o to %o', (resize, size, expected) => {
    expect(scaledSize(size, 224, resize)).toEqual(expected);
  });
});

describe('enlarge', () => {
  test('is bilinear with half-pixel centres and repeats the edges', () => {
    const row = enlarge(grey([0, 100, 200, 100], 4), { width: 8, height: 1 });
    expect(row.data).toEqual(grey([0, 25, 75, 125, 175, 175, 125, 100], 8).data);
    const column = enlarge(grey([0, 100], 1), { width: 1, height: 3 });
    expect(column.data).toEqual(grey([0, 50, 100], 1).data);
  });

  test('leaves a picture that has the size alone', () => {
    const picture = grey([1, 2, 3, 4], 2);
    expect(enlarge(picture, { width: 2, height: 2 })).toBe(picture);
  });
});

describe('centre', () => {
  test('crops what is larger and pads what is smaller', () => {
    const target = new Uint8Array(3 * 3 * 3);
    centre(grey([1, 2, 3, 4, 5], 5), 3, target);
    expect(target).toEqual(grey([0, 0, 0, 2, 3, 4, 0, 0, 0], 3).data);
  });
});

/** Pixels of these shades of grey, in rows of a width. */
function grey(shades: number[], width: number) {
  return {
    data: Uint8Array.from(shades.flatMap((shade) => [shade, shade, shade])),
    width,
    height: shades.length / width,
  };
}
