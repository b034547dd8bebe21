import { expect, test } from 'vitest';
import type { ImageSet } from '../../lib/data/image-set.ts';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import type { AugmentationOptions } from '../../lib/engine/native-training.ts';
import { augmented } from '../support/augmentation.ts';
import { sampleImages } from '../support/native.ts';
import { expectSignatures, largestDifference } from './compare.ts';
import { numbers, readFixture } from './signature.ts';

/* The draws are torchvision's too: both start from one seed and take one image after another. */

const RANDOM_RESIZED_CROP = { scale: [0.2, 1], ratio: [3 / 4, 4 / 3] } satisfies Partial<
  AugmentationOptions['randomResizedCrop']
>;

/** Each image of `[n, ...]` as a tensor named by its place. */
function eachImage({ dtype, shape: [count = 0, ...shape], data }: HostTensor): HostTensor[] {
  const size = data.length / count;
  return Array.from({ length: count }, (_, index) => ({
    name: String(index),
    dtype,
    shape,
    data: data.subarray(index * size, (index + 1) * size),
  }));
}

/** With every colour near the middle, so that no adjustment leaves the range on the way. */
function paled(set: ImageSet): ImageSet {
  return { ...set, pixels: set.pixels.map((value) => Math.floor(value / 4) + 96) };
}

const CASES: Array<[string, Partial<AugmentationOptions>, number]> = [
  ['random-resized-crop', { randomResizedCrop: RANDOM_RESIZED_CROP }, 48],
  ['random-crop.48', { randomCrop: { padding: 1 / 8 } }, 48],
  ['random-crop.32', { randomCrop: { padding: 1 / 8 } }, 32],
  ['color-jitter', { colorJitter: { brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.25 } }, 48],
  ['random-erasing', { randomErasing: { probability: 0.6, scale: [0.1, 0.3], ratio: [0.3, 3.3] } }, 48],
  ['mixup', { mixup: 0.4 }, 48],
  ['cutmix', { cutmix: 0.4 }, 48],
];

test.for(CASES)("%s makes of images what torchvision's does", async ([name, augmentation, imageSize]) => {
  const fixture = await readFixture('augmentation');
  const sample = await sampleImages('train', fixture.facts.images as number);
  const set = name === 'color-jitter' ? paled(sample) : sample;
  const seed = fixture.facts.seed as number;
  const { images, targets } = await augmented(set, augmentation, { seed, imageSize });
  expectSignatures(fixture, `${name}/`, eachImage(images), 1e-5);
  const mixed = fixture.tensors.get(`${name}.targets`);
  if (mixed) expect(largestDifference(numbers(targets), mixed)).toBeLessThanOrEqual(1e-6);
  else expect(targets.dtype).toBe('int64');
});

test.for([64, 97])('without any, images at %i pixels are preprocessed as in PyTorch', async (imageSize) => {
  const fixture = await readFixture('normalise');
  const { images } = await augmented(await sampleImages('valid', 2), {}, { imageSize });
  expectSignatures(fixture, '', [{ ...images, name: `input.${imageSize}` }], 1e-6);
});
