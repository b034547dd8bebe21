import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage } from '../../lib/data/decoding/decode.ts';
import { enlarge, scaledSize } from '../../lib/data/decoding/resize.ts';
import { RESIZES, type Resize } from '../../lib/options/resize.ts';

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
  test('is bilinear with half-pixel centres and repeats the edges', async () => {
    const row = await enlarge(grey([0, 100, 200, 100], 4), { width: 8, height: 1 });
    expect(row.data).toEqual(grey([0, 25, 75, 125, 175, 175, 125, 100], 8).data);
    const column = await enlarge(grey([0, 100], 1), { width: 1, height: 3 });
    expect(column.data).toEqual(grey([0, 50, 100], 1).data);
  });

  test('gives an image that has the size as it is', async () => {
    const image = grey([1, 2, 3, 4], 2);
    expect(await enlarge(image, { width: 2, height: 2 })).toEqual(image);
  });
});

describe('the window that is kept', () => {
  const sizes: Array<[width: number, height: number]> = [
    [1, 1],
    [2, 1],
    [1, 3],
    [40, 1],
    [1, 40],
    [301, 2],
    [5, 97],
    [31, 32],
    [33, 20],
    [47, 61],
    [64, 32],
    [200, 33],
    [33, 200],
    [150, 149],
    [400, 300],
  ];

  test.each(RESIZES)('%s gives what the whole image gives, whatever its size', async (resize) => {
    for (const [width, height] of sizes) {
      const image = noise(width, height);
      for (const side of [32, 45]) {
        const found = new Uint8Array(side * side * 3);
        await decodeImage(image, side, resize, found);
        const equal = Buffer.compare(found, await wholeImage(image, side, resize)) === 0;
        expect([width, height, side, equal]).toEqual([width, height, side, true]);
      }
    }
  });

  test.each([
    [60_000, 1],
    [1, 60_000],
    [1_000_000, 2],
    [2, 1_000_000],
  ])('is all that is computed of %i x %i', async (width, height) => {
    const image = noise(width, height);
    const found = new Uint8Array(224 * 224 * 3);
    const before = process.memoryUsage().rss;
    await decodeImage(image, 224, 'cover', found);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
    // The pixels in the middle, of which a few are as wide as all that is kept.
    const middle = ((height >> 1) * width + (width >> 1)) * 3;
    const colours = new Set<string>();
    for (let at = 0; at < found.length; at += 3) colours.add(`${found.subarray(at, at + 3)}`);
    expect(colours).toContain(`${image.data.subarray(middle, middle + 3)}`);
  });

  test('lets the event loop run while a large one is enlarged', async () => {
    const side = 3000;
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    await enlarge(noise(100, 100), { width: side, height: side });
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(5);
  });
});

/** What comes of scaling the whole image, however large, and keeping its middle: slow and plain. */
async function wholeImage(image: ReturnType<typeof noise>, side: number, resize: Resize) {
  const scaled = scaledSize(image, side, resize);
  const [width, height] = [Math.min(image.width, scaled.width), Math.min(image.height, scaled.height)];
  const { data } = await sharp(image.data, { raw: image })
    .resize({ width, height, fit: 'fill', kernel: 'linear' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number, channel: number) => data[(y * width + x) * 3 + channel] as number;
  const [left, top] = [Math.floor((scaled.width - side) / 2), Math.floor((scaled.height - side) / 2)];
  const result = Buffer.alloc(side * side * 3);
  for (let y = Math.max(0, top); y < Math.min(scaled.height, top + side); y++) {
    for (let x = Math.max(0, left); x < Math.min(scaled.width, left + side); x++) {
      const [down, across] = [between(y, height, scaled.height), between(x, width, scaled.width)];
      for (const channel of [0, 1, 2]) {
        const [first, second] = [across.first, across.second].map((column) => {
          const above = at(column, down.first, channel);
          return Math.fround(above + (at(column, down.second, channel) - above) * down.weight);
        }) as [number, number];
        const value = first + (second - first) * across.weight + 0.5;
        result[((y - top) * side + x - left) * 3 + channel] = Math.floor(value);
      }
    }
  }
  return result;
}

function between(index: number, from: number, to: number) {
  const position = Math.max(0, ((index + 0.5) * from) / to - 0.5);
  const first = Math.floor(position);
  return { first, second: Math.min(first + 1, from - 1), weight: position - first };
}

function noise(width: number, height: number) {
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, index) => ((index * 7919) % 251) + (index % 5),
  );
  return { data, width, height, channels: 3 } as const;
}

/** Pixels of these shades of grey, in rows of a width. */
function grey(shades: number[], width: number) {
  return {
    data: Uint8Array.from(shades.flatMap((shade) => [shade, shade, shade])),
    width,
    height: shades.length / width,
  };
}
