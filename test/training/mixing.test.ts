import { describe, expect, test } from 'vitest';
import type { AugmentationOptions } from '../../lib/engine/native-training.ts';
import { largestDifference } from '../parity/compare.ts';
import { numbers } from '../parity/signature.ts';
import { augmented, painted } from '../support/augmentation.ts';

const COUNT = 6;
const CLASSES = 10;
const IMAGE = 3 * 32 * 32;
// Each of one colour and of a class of its own.
const IMAGES = painted(COUNT, 32, 32, (_x, _y, image) => [40 * image, 40 * image, 40 * image]);

interface MixedBatch {
  /** Every value as it was, and that of the image before at the same place. */
  own: number[];
  partners: number[];
  mixed: number[];
  /** What each target has of its image's own class, the rest being of the image before. */
  share: number;
}

async function mix(options: Partial<AugmentationOptions>, seed: number): Promise<MixedBatch> {
  const own = [...numbers((await augmented(IMAGES)).images)];
  const { images, targets } = await augmented(IMAGES, options, { seed });
  expect(targets).toMatchObject({ dtype: 'float32', shape: [COUNT, CLASSES] });
  const share = numbers(targets)[0] as number;
  const expected = Array.from({ length: COUNT * CLASSES }, (_, i) => {
    const [image, label] = [Math.floor(i / CLASSES), i % CLASSES];
    if (label === image) return share;
    return label === (image + COUNT - 1) % COUNT ? 1 - share : 0;
  });
  expect(largestDifference(numbers(targets), expected)).toBeLessThan(1e-6);
  const partners = [...own.slice(-IMAGE), ...own.slice(0, -IMAGE)];
  return { own, partners, mixed: [...numbers(images)], share };
}

function isBlended({ own, partners, mixed, share }: MixedBatch): boolean {
  const blend = own.map((value, i) => share * value + (1 - share) * (partners[i] as number));
  return largestDifference(mixed, blend) < 1e-5;
}

/** The share of all values that are bit by bit the partner's; all others must be the image's own. */
function pastedShare({ own, partners, mixed }: MixedBatch): number {
  const others = mixed.filter((value, i) => value !== own[i]);
  expect(others).toEqual(partners.filter((_, i) => mixed[i] !== own[i]));
  return others.length / mixed.length;
}

describe('mixing', () => {
  test('mixup blends images and labels by one share', async () => {
    for (const seed of [0, 1, 2]) {
      const batch = await mix({ mixup: 1 }, seed);
      expect(batch.share).toBeGreaterThan(0);
      expect(batch.share).toBeLessThan(1);
      expect(isBlended(batch)).toBe(true);
    }
  });

  test("cutmix's share of the labels is that of the pixels", async () => {
    for (const seed of [0, 1, 2]) {
      const batch = await mix({ cutmix: 1 }, seed);
      expect(pastedShare(batch)).toBeGreaterThan(0);
      expect(pastedShare(batch)).toBeCloseTo(1 - batch.share, 6);
    }
  });

  test('of both, each batch draws one', async () => {
    const kinds = new Set<boolean>();
    for (let seed = 0; seed < 12; seed += 1) kinds.add(isBlended(await mix({ mixup: 1, cutmix: 1 }, seed)));
    expect(kinds).toEqual(new Set([true, false]));
  });
});
