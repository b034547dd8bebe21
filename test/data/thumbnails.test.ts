import { describe, expect, test } from 'vitest';
import { detailCorrelation, detailOf, FINE, thumbnailsOf } from '../../lib/data/check/thumbnails.ts';
import type { ImageSet } from '../../lib/data/image-set.ts';
import { seededRandom } from '../../lib/support/random.ts';

/** A picture of noise, of which every pixel counts. */
function noise(side: number): Uint8Array {
  const random = seededRandom(side);
  return Uint8Array.from({ length: side * side * 3 }, () => 256 * random());
}

function mirrored(pixels: Uint8Array, side: number): Uint8Array {
  const at = (place: number) => {
    const [pixel, channel] = [Math.floor(place / 3), place % 3];
    return 3 * (pixel - 2 * (pixel % side) + side - 1) + channel;
  };
  return pixels.map((_, place) => pixels[at(place)] as number);
}

function setOf(images: Uint8Array[], side: number): ImageSet {
  const pixels = new Uint8Array(images.length * side * side * 3);
  for (const [index, image] of images.entries()) pixels.set(image, index * image.length);
  return {
    pixels,
    labels: new BigInt64Array(images.length),
    count: images.length,
    height: side,
    width: side,
  };
}

describe('of a mirror image', () => {
  const sizes = [...Array.from({ length: 17 }, (_, index) => 32 + index), 64, 100];

  test.each(sizes)('of %i pixels the thumbnail is the mirrored thumbnail', async (side) => {
    const picture = noise(side);
    const { fine, coarse } = await thumbnailsOf([setOf([picture, mirrored(picture, side)], side)]);
    for (const thumbnails of [fine, coarse]) {
      const length = thumbnails.length / 2;
      for (let place = 0; place < length; place++) {
        // The second half of a row is the odd one.
        const expected = (thumbnails[place] as number) * (place < length / 2 ? 1 : -1);
        expect(thumbnails[length + place]).toBeCloseTo(expected, 5);
      }
    }
  });

  test.each(sizes)('of %i pixels the detail is the mirrored detail', (side) => {
    const picture = noise(side);
    const [own, other] = [detailOf(picture, side), detailOf(mirrored(picture, side), side)];
    expect(detailCorrelation(own, other, true)).toBeCloseTo(1, 5);
    expect(detailCorrelation(own, other, false)).toBeLessThan(0.8);
  });
});

test('a thumbnail has the mean of each box, also of parts of pixels', async () => {
  const side = 24;
  const picture = noise(side);
  const grey = (y: number, x: number) => {
    const [red = 0, green = 0, blue = 0] = picture.subarray(3 * (y * side + x), 3 * (y * side + x) + 3);
    return 0.299 * red + 0.587 * green + 0.114 * blue;
  };
  // In units of half a pixel, of which a box has three.
  const means = Array.from({ length: FINE * FINE }, (_, place) => {
    const [top, left] = [3 * Math.floor(place / FINE), 3 * (place % FINE)];
    const halves = Array.from({ length: 9 }, (_, part) =>
      grey((top + Math.floor(part / 3)) >> 1, (left + (part % 3)) >> 1),
    );
    return halves.reduce((sum, value) => sum + value, 0) / 9;
  });
  const { fine } = await thumbnailsOf([setOf([picture], side)]);
  // The odd half of a row, the differences of left and right, is only scaled.
  const odd = fine.subarray((FINE * FINE) / 2);
  const expected = Array.from(odd, (_, place) => {
    const [y, x] = [Math.floor(place / (FINE / 2)), place % (FINE / 2)];
    return (means[y * FINE + x] as number) - (means[y * FINE + FINE - 1 - x] as number);
  });
  const factor = Math.hypot(...odd) / Math.hypot(...expected);
  for (const [place, value] of odd.entries())
    expect(value).toBeCloseTo((expected[place] as number) * factor, 5);
});
