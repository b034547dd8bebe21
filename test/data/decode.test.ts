import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage, type ImageInput } from '../../lib/data/decoding/decode.ts';
import { decodeImages } from '../../lib/data/decoding/decode-all.ts';
import { BLUE, bands, decoded, encode, GREEN, near, RED } from '../support/images.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PNGSUITE = join(import.meta.dirname, '../fixtures/pngsuite');

describe('an image', () => {
  test.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('is read from %s', async (format) => {
    const file = await encode(bands([RED, GREEN, BLUE], 96, 96))
      .toFormat(format, { quality: 95 })
      .toBuffer();
    const at = await decoded(file);
    expect([at(4, 4), at(16, 16), at(27, 27)]).toEqual([near(RED, 8), near(GREEN, 8), near(BLUE, 8)]);
  });

  test.each([
    [3, [BLUE, RED, BLUE]],
    [6, [RED, RED, BLUE]],
    [8, [BLUE, BLUE, RED]],
  ])('is turned upright by EXIF orientation %d', async (orientation, corners) => {
    const image = encode(bands([RED, BLUE], 64, 64)).withMetadata({ orientation });
    const at = await decoded(await image.png().toBuffer());
    expect([at(4, 4), at(27, 4), at(4, 27)]).toEqual(corners);
  });

  test('is turned before it is cropped', async () => {
    const file = await encode(bands([RED, GREEN, BLUE], 96, 32))
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer();
    const at = await decoded(file);
    expect([at(0, 0), at(31, 31)]).toEqual([GREEN, GREEN]);
    const whole = await decoded(file, 'stretch');
    expect([whole(16, 2), whole(16, 29)]).toEqual([RED, BLUE]);
  });

  test('of grey has three equal channels', async () => {
    const grey = { data: new Uint8Array(64 * 64).fill(90), width: 64, height: 64, channels: 1 } as const;
    expect((await decoded(await encode(grey).toColourspace('b-w').png().toBuffer()))(5, 5)).toEqual([
      90, 90, 90,
    ]);
    expect((await decoded(grey))(5, 5)).toEqual([90, 90, 90]);
  });

  test('of 16 bits keeps its colours', async () => {
    const file = await encode(bands([RED], 40, 40))
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(file).metadata()).depth).toBe('ushort');
    expect((await decoded(file))(9, 9)).toEqual(near(RED, 1));
  });

  test('with a palette keeps its colours', async () => {
    const file = await encode(bands([RED, BLUE], 64, 64))
      .png({ palette: true })
      .toBuffer();
    expect((await sharp(file).metadata()).isPalette).toBe(true);
    const at = await decoded(file);
    expect([at(3, 3), at(28, 3)]).toEqual([near(RED), near(BLUE)]);
  });

  test('of CMYK comes to sRGB', async () => {
    const file = await encode(bands([[120, 110, 100]], 64, 64))
      .toColourspace('cmyk')
      .jpeg({ quality: 95 })
      .toBuffer();
    expect((await sharp(file).metadata()).space).toBe('cmyk');
    expect((await decoded(file))(9, 9)).toEqual(near([120, 110, 100], 12));
  });

  test('lies over white where it is transparent', async () => {
    const data = new Uint8Array(32 * 32 * 4);
    for (let x = 0; x < 32 * 32; x++) data.set([200, 0, 0, x % 32 < 16 ? 0 : 128], x * 4);
    const raw = { data, width: 32, height: 32, channels: 4 } as const;
    for (const image of [raw, await encode(raw).png().toBuffer()]) {
      const at = await decoded(image);
      expect([at(3, 3), at(20, 3)]).toEqual([[255, 255, 255], near([227, 127, 127], 1)]);
    }
  });

  test('of several frames is its first one', async () => {
    const data = Buffer.concat([RED, BLUE].map((colour) => bands([colour], 40, 40).data));
    const strip = sharp(data, { raw: { width: 40, height: 80, channels: 3, pageHeight: 40 } });
    const file = await strip.gif().toBuffer();
    expect((await sharp(file).metadata()).pages).toBe(2);
    expect((await decoded(file))(16, 16)).toEqual(near(RED));
  });

  test.each(Object.entries(pngSuite()))("agrees with PngSuite's pixels of %s", async (name, expected) => {
    const { width, height, pixels } = expected;
    const side = Math.max(width, height);
    const found = new Uint8Array(side * side * 3);
    await decodeImage(join(PNGSUITE, `${name}.png`), side, 'contain', found);
    const [left, top] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2)];
    const differences = pixels.map((value, index) => {
      const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
      return Math.abs(value - Number(found[((y + top) * side + x + left) * 3 + (index % 3)]));
    });
    // Of 16 bits the upper 8 are taken, and what is transparent is rounded once more.
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
  });

  test('comes as pixels unchanged where it has the size', async () => {
    const raw = bands([RED, GREEN, BLUE], 32, 32);
    expect(await decodeImages([raw], { imageSize: 32, resize: 'cover' })).toEqual(raw.data);
  });
});

describe('resize', () => {
  const wide = bands([RED, GREEN, BLUE], 96, 32);
  const small = bands([RED, GREEN, BLUE], 12, 4);

  test.each([
    ['shrunk', wide],
    ['enlarged', small],
  ])('cover crops the middle of a %s image', async (_, image) => {
    const at = await decoded(image, 'cover');
    expect([at(16, 0), at(16, 16), at(16, 31)]).toEqual([GREEN, GREEN, GREEN]);
  });

  test.each([
    ['shrunk', wide],
    ['enlarged', small],
  ])('contain adds black above and below a %s image', async (_, image) => {
    const at = await decoded(image, 'contain');
    expect([at(16, 8), at(16, 23)]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect([at(2, 16), at(16, 16), at(29, 16)]).toEqual([near(RED), near(GREEN), near(BLUE)]);
  });

  test.each([
    ['shrunk', wide],
    ['enlarged', small],
  ])('stretch distorts a %s image', async (_, image) => {
    const at = await decoded(image, 'stretch');
    expect([at(2, 0), at(16, 16), at(29, 31)]).toEqual([near(RED), near(GREEN), near(BLUE)]);
  });

  test('shrinks with antialiasing', async () => {
    const data = Uint8Array.from({ length: 96 * 96 * 3 }, (_, index) => (Math.floor(index / 3) % 2) * 255);
    const at = await decoded({ data, width: 96, height: 96, channels: 3 });
    expect([at(10, 10), at(11, 10), at(12, 17)]).toEqual(Array(3).fill(near([127, 127, 127], 45)));
  });

  test('takes an image of one pixel, and a thin one', async () => {
    const dot = await decoded(bands([RED], 1, 1));
    expect([dot(0, 0), dot(31, 31)]).toEqual([RED, RED]);
    for (const resize of ['cover', 'contain', 'stretch'] as const) {
      expect((await decoded(bands([BLUE], 500, 1), resize))(16, 16)).toEqual(BLUE);
    }
  });
});

describe('decodeImages', () => {
  const options = { imageSize: 32, resize: 'cover' } as const;

  test('keeps the order and tells how far it is', async () => {
    const images = [RED, GREEN, BLUE, RED, GREEN].map((colour, index) => bands([colour], 32 + index, 40));
    const seen: number[][] = [];
    const pixels = await decodeImages(images, { ...options, onProgress: (...now) => seen.push(now) });
    const firsts = images.map((_, index) => [...pixels.subarray(index * 3072, index * 3072 + 3)]);
    expect(firsts).toEqual([RED, GREEN, BLUE, RED, GREEN]);
    expect(seen).toEqual([1, 2, 3, 4, 5].map((done) => [done, 5]));
  });

  test("stops with the signal's reason, and with what the callback throws", async () => {
    const reason = new Error('enough');
    const images = Array.from({ length: 50 }, () => bands([RED], 40, 40));
    const aborted = { ...options, signal: AbortSignal.abort(reason) };
    await expect(decodeImages(images, aborted)).rejects.toBe(reason);
    const controller = new AbortController();
    let calls = 0;
    const onProgress = () => {
      calls++;
      controller.abort(reason);
    };
    await expect(decodeImages(images, { ...options, signal: controller.signal, onProgress })).rejects.toBe(
      reason,
    );
    expect(calls).toBeLessThan(images.length);
    const mistake = () => {
      throw reason;
    };
    await expect(decodeImages(images, { ...options, onProgress: mistake })).rejects.toBe(reason);
  });

  test('reads a file anew that has changed', async () => {
    const path = join(temporaryDirectory(), 'image.png');
    const colours = [];
    for (const colour of [RED, BLUE]) {
      await encode(bands([colour], 40, 40)).toFile(path);
      colours.push((await decoded(path))(9, 9));
    }
    expect(colours).toEqual([RED, BLUE]);
  });

  test('names the images that cannot be decoded', async () => {
    const bad: ImageInput[] = Array.from({ length: 23 }, () => new Uint8Array([1, 2, 3]));
    const failed = decodeImages([bands([RED], 40, 40), ...bad], options);
    await expect(failed).rejects.toMatchObject({
      name: 'InputError',
      code: 'DATA_INVALID',
      message: expect.stringMatching(/^23 of 24 images .*index 1: .*index 20: [^\n]*\n {2}and 3 more$/s),
    });
  });
});

/** The exact pixels of PngSuite's good images, R, G, B over white. */
function pngSuite(): Record<string, { width: number; height: number; pixels: number[] }> {
  const text = gunzipSync(readFileSync(join(PNGSUITE, 'expected.json.gz'))).toString();
  const images = JSON.parse(text) as Record<string, { width: number; height: number; pixels: string }>;
  return Object.fromEntries(
    Object.entries(images).map(([name, { pixels, ...size }]) => [
      name,
      { ...size, pixels: [...Buffer.from(pixels, 'base64')] },
    ]),
  );
}
