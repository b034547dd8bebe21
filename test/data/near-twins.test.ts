import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { type FeatureSource, nearTwins } from '../../lib/data/check/near-twins.ts';
import { Dataset } from '../../lib/data/dataset.ts';
import type { ImageInput } from '../../lib/data/decoding/decode.ts';
import { seededRandom } from '../../lib/support/random.ts';
import { scene } from '../support/scenes.ts';

const SIDE = 32;

/** Features by which all images are alike: what tells them apart here is their detail. */
const model: FeatureSource = {
  features: async ({ count }) => ({ shape: [count, 2, 1, 1], data: new Float32Array(2 * count).fill(1) }),
};

/** A bright sky over a dark plain; each number has another texture. */
function landscape(number: number) {
  const random = seededRandom(number);
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
    const value = (pixel < (SIDE * SIDE) / 2 ? 200 : 50) + 30 * (random() - 0.5);
    data.fill(value, 3 * pixel, 3 * pixel + 3);
  }
  return { data, width: SIDE, height: SIDE, channels: 3 } as const;
}

async function twinsOf(images: ImageInput[]): Promise<string[]> {
  const data = await Dataset.fromImages(
    images,
    images.map(() => 'any'),
    { imageSize: SIDE },
  );
  onTestFinished(() => data.dispose());
  const twins = await nearTwins([data], model, () => true, {});
  return twins.map(({ first, second }) => `${first} ${second}`);
}

test.each([10, 40, 200])('a copy is found among %i pictures of one composition', async (count) => {
  const images: ImageInput[] = Array.from({ length: count }, (_, number) => landscape(number));
  for (let number = 0; number < 60; number++) images.push(await (await scene(number)).png().toBuffer());
  const { data, ...raw } = landscape(3);
  images.push(await sharp(data, { raw }).jpeg({ quality: 90 }).toBuffer());
  expect(await twinsOf(images)).toEqual([`3 ${count + 60}`]);
});

test('of a film each frame has some pairs', async () => {
  const frames = 60;
  const images: ImageInput[] = [];
  for (let quality = 100; quality > 100 - frames; quality--)
    images.push(await (await scene(7)).jpeg({ quality }).toBuffer());
  const twins = await twinsOf(images);
  expect(twins.length).toBeLessThanOrEqual(16 * frames);
  expect(new Set(twins.flatMap((pair) => pair.split(' '))).size).toBe(frames);
});
