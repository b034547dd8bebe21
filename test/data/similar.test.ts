import { describe, expect, test } from 'vitest';
import { similarity, similarPairs } from '../../lib/data/check/similar.ts';
import { thumbnailsOf } from '../../lib/data/check/thumbnails.ts';
import type { ImageSet } from '../../lib/data/image-set.ts';
import { seededRandom } from '../../lib/support/random.ts';

const SIDE = 32;

/** Images of random blocks of 4 x 4 pixels, each repeated with noise, mirrored every other time. */
function images(count: number, noise: number): ImageSet {
  const random = seededRandom(count);
  const pixels = new Uint8Array(count * SIDE * SIDE * 3);
  for (let image = 0; image < count; image++) {
    const scene = seededRandom(image >> 1);
    const blocks = Array.from({ length: 64 }, () => 40 + 170 * scene());
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const from = image % 4 === 3 ? SIDE - 1 - x : x;
        const value = (blocks[8 * (y >> 2) + (from >> 2)] as number) + noise * (random() - 0.5);
        pixels.fill(value, ((image * SIDE + y) * SIDE + x) * 3, ((image * SIDE + y) * SIDE + x + 1) * 3);
      }
    }
  }
  return { pixels, labels: new BigInt64Array(count), count, height: SIDE, width: SIDE };
}

describe('similarPairs', () => {
  test('finds what comparing every image with every other finds, over several blocks', async () => {
    const thumbnails = await thumbnailsOf([images(700, 120), images(350, 120)]);
    const { count, fine, coarse } = thumbnails;
    const threshold = 0.55;
    const correlation = (values: Float32Array, first: number, second: number) => {
      const length = values.length / count;
      let [even, odd] = [0, 0];
      for (let place = 0; place < length; place++) {
        const product =
          (values[first * length + place] as number) * (values[second * length + place] as number);
        if (place < length / 2) even += product;
        else odd += product;
      }
      return even + Math.abs(odd);
    };
    const expected: string[] = [];
    for (let first = 0; first < count; first++) {
      for (let second = first + 1; second < count; second++) {
        const alike = [coarse, fine].every((values) => correlation(values, first, second) >= threshold);
        if (alike) expected.push(`${first} ${second}`);
      }
    }
    const pairs = await similarPairs(thumbnails, threshold);
    expect(expected.length).toBeGreaterThan(500);
    expect(Array.from(pairs, ([first, second]) => `${first} ${second}`).sort()).toEqual(expected.sort());
  });

  test('knows a mirror image, and leaves out who does not take part', async () => {
    const thumbnails = await thumbnailsOf([images(8, 4)]);
    const pairs = Array.from(await similarPairs(thumbnails, 0.9), (pair) => similarity(thumbnails, ...pair));
    expect(pairs.map(({ first, second, mirrored }) => [first, second, mirrored])).toEqual([
      [0, 1, false],
      [2, 3, true],
      [4, 5, false],
      [6, 7, true],
    ]);
    const some = await similarPairs(thumbnails, 0.9, { isCompared: (index) => index !== 3 && index !== 4 });
    expect(Array.from(some, ([first]) => first)).toEqual([0, 6]);
  });

  test('takes images without contrast for unlike, however many', async () => {
    const flat = images(600, 0);
    flat.pixels.fill(90);
    expect([...(await similarPairs(await thumbnailsOf([flat]), 0.9))]).toEqual([]);
  });

  test('keeps a film of one view to some pairs per frame', async () => {
    const film = images(2, 0);
    const one = film.pixels.subarray(0, SIDE * SIDE * 3);
    const frames = 400;
    const pixels = new Uint8Array(frames * one.length);
    for (let frame = 0; frame < frames; frame++) pixels.set(one, frame * one.length);
    const set = { ...film, pixels, count: frames, labels: new BigInt64Array(frames) };
    const pairs = [...(await similarPairs(await thumbnailsOf([set]), 0.01))];
    expect(pairs.length).toBeLessThanOrEqual(128 * frames);
    expect(new Set(pairs.flat()).size).toBe(frames);
  });
});
