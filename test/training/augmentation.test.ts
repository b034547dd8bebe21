import { describe, expect, test } from 'vitest';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import type { AugmentationOptions } from '../../lib/engine/native-training.ts';
import { largestDifference } from '../parity/compare.ts';
import { numbers } from '../parity/signature.ts';
import { augmented, type Color, painted } from '../support/augmentation.ts';
import { nativeImages, nativeModel, sampleImages } from '../support/native.ts';

/* What torchvision makes of the same seed is in test/parity/augmentation.test.ts. */

const ALL: AugmentationOptions = {
  randomResizedCrop: { scale: [0.3, 1], ratio: [3 / 4, 4 / 3] },
  randomCrop: { padding: 0.125 },
  horizontalFlip: 0.5,
  colorJitter: { brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  randomErasing: { probability: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3] },
  mixup: 0.2,
  cutmix: 1,
};
const MEAN = [0.485, 0.456, 0.406] as const;
const STD = [0.229, 0.224, 0.225] as const;
const NO_JITTER = { brightness: 0, contrast: 0, saturation: 0, hue: 0 };

/** Every image's colours, undoing the normalisation: values in 0..255, row by row. */
function colorsOf({ images }: { images: HostTensor }): Color[][] {
  const [count = 0, , height = 0, width = 0] = images.shape;
  const values = numbers(images);
  const area = height * width;
  const channel = (image: number, pixel: number, index: 0 | 1 | 2) => {
    const value = values[(image * 3 + index) * area + pixel] ?? Number.NaN;
    return (value * STD[index] + MEAN[index]) * 255;
  };
  return Array.from({ length: count }, (_, image) =>
    Array.from(
      { length: area },
      (_, pixel): Color => [channel(image, pixel, 0), channel(image, pixel, 1), channel(image, pixel, 2)],
    ),
  );
}

describe('the seed', () => {
  test('draws the same bits again, and others from another', async () => {
    const images = await sampleImages('train', 12);
    const first = await augmented(images, ALL, { seed: 1 });
    expect(await augmented(images, ALL, { seed: 1 })).toEqual(first);
    const other = await augmented(images, ALL, { seed: 2 });
    expect(other.images.data).not.toEqual(first.images.data);
    expect(other.targets.data).not.toEqual(first.targets.data);
  });

  test('draws the same in bf16', async () => {
    const images = await sampleImages('train', 12);
    const exact = await augmented(images, ALL);
    const rounded = await augmented(images, ALL, { precision: 'bf16' });
    expect(rounded.targets).toEqual(exact.targets);
    const difference = largestDifference(numbers(rounded.images), numbers(exact.images));
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(0.02);
  });
});

test.for([32, 48])(
  'with everything off images at %i pixels are those without augmentation',
  async (imageSize) => {
    const sample = await sampleImages('train', 4);
    const { images, targets } = await augmented(sample, {}, { imageSize });
    const model = await nativeModel('linear', { imageSize });
    const data = await nativeImages(sample);
    const plain = await model.logits(data, { precision: 'fp32', batchSize: 4 }, () => {}).result;
    expect((await model.forward(images, { precision: 'fp32' }).result).data).toEqual(plain.data);
    expect(targets).toMatchObject({ dtype: 'int64', shape: [4] });
    expect(new BigInt64Array(Uint8Array.from(targets.data).buffer)).toEqual(sample.labels);
  },
);

describe('a horizontal flip', () => {
  test('is the exact mirror', async () => {
    const sample = await sampleImages('train', 4);
    const { height, width, pixels } = sample;
    const at = (x: number, y: number, n: number) => ((n * height + y) * width + x) * 3;
    const mirrored = painted(4, height, width, (x, y, n) => {
      const from = at(width - 1 - x, y, n);
      return [...pixels.subarray(from, from + 3)] as Color;
    });
    for (const imageSize of [32, 48]) {
      const flipped = await augmented(sample, { horizontalFlip: 1 }, { imageSize });
      expect(flipped.images).toEqual((await augmented(mirrored, {}, { imageSize })).images);
    }
  });

  test('happens to some images, as often as it should', async () => {
    const ramps = painted(200, 32, 32, (x) => [x, x, x]);
    const colors = colorsOf(await augmented(ramps, { horizontalFlip: 0.25 }));
    const flipped = colors.filter((image) => (image[0] as Color)[0] > 15).length;
    // 50 are expected; five standard deviations are 31.
    expect(flipped).toBeGreaterThan(19);
    expect(flipped).toBeLessThan(81);
  });
});

describe('colour jitter', () => {
  /** How far two pixels of one image are apart, of what they were: the factor that was drawn. */
  const contrast = (colors: Color[]) => ((colors.at(-1)?.[0] ?? 0) - (colors[0]?.[0] ?? 0)) / 100;
  const brightness = (colors: Color[]) => (colors[0]?.[0] ?? 0) / 100;
  const saturation = ([color]: Color[]) => ((color?.[0] ?? 0) - (color?.[2] ?? 0)) / 100;

  test.for([
    ['brightness', brightness, () => [100, 100, 100]],
    ['contrast', contrast, (_x, y) => (y < 16 ? [80, 80, 80] : [180, 180, 180])],
    ['saturation', saturation, () => [170, 100, 70]],
  ] satisfies Array<[string, (colors: Color[]) => number, (x: number, y: number) => Color]>)(
    'draws a %s for each image, evenly out of the range',
    async ([name, factorOf, color]) => {
      const colorJitter = { ...NO_JITTER, [name]: 0.3 };
      const factors = colorsOf(await augmented(painted(200, 32, 32, color), { colorJitter })).map(factorOf);
      expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.7 - 1e-5);
      expect(Math.max(...factors)).toBeLessThanOrEqual(1.3 + 1e-5);
      // In each quarter of the range 50 are expected; five standard deviations are 31.
      for (const quarter of [0, 1, 2, 3]) {
        const inside = factors.filter((factor) => Math.floor((factor - 0.7) / 0.15) === quarter);
        expect(Math.abs(inside.length - 50)).toBeLessThanOrEqual(31);
      }
    },
  );

  test('turns the hue and keeps luma and greys', async () => {
    const luma = ([r, g, b]: Color) => 0.299 * r + 0.587 * g + 0.114 * b;
    const colors: Color[] = [
      [140, 120, 100],
      [90, 90, 90],
    ];
    const images = painted(20, 32, 32, (_x, y) => colors[y % 2] as Color);
    const after = colorsOf(await augmented(images, { colorJitter: { ...NO_JITTER, hue: 0.5 } }));
    for (const image of after) {
      const [colour, grey] = [image[0] as Color, image[32] as Color];
      expect(luma(colour)).toBeCloseTo(luma(colors[0] as Color), 3);
      expect(largestDifference(grey, colors[1] as Color)).toBeLessThan(1e-3);
    }
    const reds = after.map((image) => image[0]?.[0] as number);
    expect(Math.max(...reds) - Math.min(...reds)).toBeGreaterThan(20);
  });

  test('leaves no colour outside 0 to 255', async () => {
    const colorJitter = { brightness: 0.9, contrast: 0.9, saturation: 0.9, hue: 0.5 };
    const values = colorsOf(await augmented(await sampleImages('train', 8), { colorJitter })).flat(2);
    expect(Math.min(...values)).toBeCloseTo(0, 3);
    expect(Math.max(...values)).toBeCloseTo(255, 3);
  });
});

describe('crops', () => {
  /** Which pixels of a ramp a line of its samples shows: 4 from one pixel to the next. */
  function spanOf(line: number[]) {
    const [from, to] = [(line[0] ?? 0) / 4, (line.at(-1) ?? 0) / 4];
    // The ends of a line are clamped to the box: its inner half tells the step.
    const half = ((line[(3 * line.length) / 4] ?? 0) - (line[line.length / 4] ?? 0)) / 4;
    return { from, to, length: 2 * half };
  }
  /** The box of the ramp that an image shows. */
  function boxOf(image: Color[]) {
    const side = Math.sqrt(image.length);
    const diagonal = image.filter((_, i) => i % (side + 1) === 0);
    return { across: spanOf(diagonal.map(([x]) => x)), down: spanOf(diagonal.map(([, y]) => y)) };
  }
  const ramp = (count: number, height: number, width: number) =>
    painted(count, height, width, (x, y) => [4 * x, 4 * y, 0]);

  test('are boxes of the share and ratio asked for, whole pixels inside the image', async () => {
    const [height, width, imageSize] = [40, 60, 64];
    const randomResizedCrop = {
      scale: [0.2, 0.6],
      ratio: [0.5, 2],
    } satisfies AugmentationOptions['randomResizedCrop'];
    const { images } = await augmented(ramp(60, height, width), { randomResizedCrop }, { imageSize });
    const boxes = colorsOf({ images }).map(boxOf);
    for (const { across, down } of boxes) {
      for (const { from, to, length } of [across, down]) {
        expect(from).toBeCloseTo(Math.round(from), 3);
        expect(length).toBeCloseTo(Math.round(length), 2);
        expect(to - from + 1).toBeCloseTo(length, 2);
        expect(from).toBeGreaterThan(-1e-3);
      }
      expect(across.to).toBeLessThan(width - 1 + 1e-3);
      expect(down.to).toBeLessThan(height - 1 + 1e-3);
      const [share, ratio] = [(across.length * down.length) / (height * width), across.length / down.length];
      // Sides are rounded to whole pixels.
      expect(share).toBeGreaterThan(0.19);
      expect(share).toBeLessThan(0.62);
      expect(ratio).toBeGreaterThan(0.47);
      expect(ratio).toBeLessThan(2.1);
    }
    expect(new Set(boxes.map(({ across }) => Math.round(across.from))).size).toBeGreaterThan(10);
  });

  test('fall back to the middle where no box of the ratio has the share', async () => {
    const randomResizedCrop = {
      scale: [1, 1],
      ratio: [2, 3],
    } satisfies AugmentationOptions['randomResizedCrop'];
    const { images } = await augmented(ramp(2, 40, 40), { randomResizedCrop }, { imageSize: 64 });
    for (const image of colorsOf({ images })) {
      const { across, down } = boxOf(image);
      expect(
        [across.from, across.to, down.from, down.to].map((pixel) => Math.abs(Math.round(pixel * 100) / 100)),
      ).toEqual([0, 39, 10, 29]);
    }
  });

  test('of the whole image are the image', async () => {
    const images = await sampleImages('train', 4);
    const whole = {
      randomResizedCrop: { scale: [1, 1], ratio: [1, 1] },
    } satisfies Partial<AugmentationOptions>;
    for (const imageSize of [32, 48]) {
      const cropped = await augmented(images, whole, { imageSize });
      const plain = await augmented(images, {}, { imageSize });
      expect(largestDifference(numbers(cropped.images), numbers(plain.images))).toBeLessThan(1e-4);
    }
  });

  test('with a border move the image by whole pixels, in from the black', async () => {
    const white = painted(100, 32, 32, () => [255, 255, 255]);
    const colors = colorsOf(await augmented(white, { randomCrop: { padding: 0.125 } }));
    const shifts = colors.map((image) => {
      const black = (i: number) => (image[i]?.[0] ?? 0) < 1e-2;
      const columns = Array.from({ length: 32 }, (_, x) => black(16 * 32 + x));
      const rows = Array.from({ length: 32 }, (_, y) => black(y * 32 + 16));
      const [x, y] = [columns, rows].map((line) => line.filter(Boolean).length) as [number, number];
      expect(image.filter(([red]) => Math.abs(red - 255) < 1e-2)).toHaveLength((32 - x) * (32 - y));
      return (columns[0] ? x : -x) + 0;
    });
    expect(new Set(shifts)).toEqual(new Set([-4, -3, -2, -1, 0, 1, 2, 3, 4]));
  });
});

describe('random erasing', () => {
  const range = { scale: [0.05, 0.3], ratio: [0.3, 3.3] } satisfies Partial<
    AugmentationOptions['randomErasing']
  >;

  test('sets one rectangle of each image to the mean colour and leaves the rest to the bit', async () => {
    const images = painted(50, 32, 32, (x, y) => [x, y, 200]);
    const before = numbers((await augmented(images)).images);
    const after = numbers((await augmented(images, { randomErasing: { probability: 1, ...range } })).images);
    for (let image = 0; image < 50; image += 1) {
      const erased = Array.from({ length: 3 * 1024 }, (_, i) => i).filter(
        (i) => after[image * 3072 + i] === 0,
      );
      const pixels = erased.filter((i) => i < 1024);
      expect(erased).toEqual([0, 1024, 2048].flatMap((channel) => pixels.map((i) => i + channel)));
      const [columns, rows] = [
        new Set(pixels.map((i) => i % 32)),
        new Set(pixels.map((i) => Math.floor(i / 32))),
      ];
      expect(pixels).toHaveLength(columns.size * rows.size);
      expect(pixels.length / 1024).toBeGreaterThan(0.04);
      expect(pixels.length / 1024).toBeLessThan(0.32);
      expect(Math.max(...columns) - Math.min(...columns) + 1).toBe(columns.size);
      expect(Math.max(...rows) - Math.min(...rows) + 1).toBe(rows.size);
    }
    expect(before.every((value, i) => after[i] === 0 || after[i] === value)).toBe(true);
  });

  test('with probability 0 leaves every bit', async () => {
    const sample = await sampleImages('train', 4);
    const { images } = await augmented(sample, { randomErasing: { probability: 0, ...range } });
    expect(images).toEqual((await augmented(sample)).images);
  });
});
