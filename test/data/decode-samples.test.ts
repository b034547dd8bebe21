import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImages } from '../../lib/data/decoding/decode-all.ts';
import { withChunk } from '../support/png.ts';
import { greyProfile, type TiffSamples, tiffOf } from '../support/tiff.ts';

const SIDE = 40;
const SIZE = { width: SIDE, height: SIDE };

/** Shades of three colours, which no profile leaves alike; at the edge of a gamut 8 bits would be too coarse. */
const shades = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, index) => {
  const [x, y] = [Math.floor(index / 3) % SIDE, Math.floor(index / 3 / SIDE)];
  return [50 + x * 5, 50 + y * 5, 255 - x * 3 - y * 2][index % 3] as number;
});
const grey = Uint8Array.from({ length: SIDE * SIDE }, (_, index) => index % 256);

describe('an image of 16 bits comes out as its twin of 8 bits', () => {
  const opaque = { data: shades, channels: 3 } as const;
  const data = new Uint8Array(SIDE * SIDE * 4);
  for (let at = 0; at < SIDE * SIDE; at++) {
    data.set([...shades.subarray(at * 3, at * 3 + 3), at % 256], at * 4);
  }
  const kinds = { opaque, transparent: { data, channels: 4 } as const };

  test.each(
    (['png', 'tiff'] as const).flatMap((format) =>
      [null, 'srgb', 'p3'].flatMap((profile) =>
        (['opaque', 'transparent'] as const).map((kind) => [format, profile, kind] as const),
      ),
    ),
  )('in %s, with the profile %s, %s', async (format, profile, kind) => {
    const { data, channels } = kinds[kind];
    const write = (bits: 8 | 16) => {
      const image = sharp(data, { raw: { ...SIZE, channels } });
      const deep = bits === 16 ? image.toColourspace('rgb16') : image;
      const tagged = profile === null ? deep : deep.withIccProfile(profile);
      return (format === 'png' ? tagged.png() : tagged.tiff({ compression: 'lzw' })).toBuffer();
    };
    const [shallow, deep] = [await write(8), await write(16)];
    expect((await sharp(deep).metadata()).depth).toBe('ushort');
    expect(await largestDifference(deep, shallow)).toBeLessThanOrEqual(2);
  });

  test('of AVIF with 10 bits', async () => {
    const write = (bitdepth: 8 | 10) =>
      sharp(shades, { raw: { ...SIZE, channels: 3 } })
        .withIccProfile('p3')
        .avif({ lossless: true, chromaSubsampling: '4:4:4', bitdepth })
        .toBuffer();
    expect(await largestDifference(await write(10), await write(8))).toBeLessThanOrEqual(4);
  });

  test('of grey, whose profile may be of linear light', async () => {
    const profile = greyProfile(1);
    const shallow = tiffOf({ data: grey, ...SIZE, channels: 1, profile });
    const deep = tiffOf({
      data: Uint16Array.from(grey, (value) => value * 257),
      ...SIZE,
      channels: 1,
      profile,
    });
    expect(await largestDifference(deep, shallow)).toBeLessThanOrEqual(1);
    const plain = tiffOf({ data: grey, ...SIZE, channels: 1 });
    expect(await largestDifference(plain, shallow)).toBeGreaterThan(40);
  });
});

describe('16-bit samples of fewer bits', () => {
  const rgb = { ...SIZE, channels: 3 } as const;

  test.each([10, 12, 14])('are scaled where MaxSampleValue tells of %i bits', async (bits) => {
    const max = 2 ** bits - 1;
    const data = Uint16Array.from(shades, (value) => Math.round((value * max) / 255));
    const shallow = tiffOf({ ...rgb, data: shades });
    expect(await largestDifference(tiffOf({ ...rgb, data, max }), shallow)).toBeLessThanOrEqual(1);
  });

  test('are scaled where sBIT tells of 12 bits, unless the encoder has', async () => {
    const shallow = tiffOf({ ...rgb, data: shades });
    for (const largest of [4095, 65535]) {
      const data = Uint16Array.from(shades, (value) => Math.round((value * largest) / 255));
      const plain = await sharp(tiffOf({ ...rgb, data }))
        .toColourspace('rgb16')
        .png()
        .toBuffer();
      const png = withChunk(plain, 'sBIT', Uint8Array.of(12, 12, 12));
      expect((await sharp(png).metadata()).depth).toBe('ushort');
      expect(await largestDifference(png, shallow)).toBeLessThanOrEqual(1);
    }
  });

  test('are read where sBIT is longer than any has channels, as if it had told nothing more', async () => {
    const data = Uint16Array.from(shades, (value) => value * 257);
    const png = await sharp(tiffOf({ ...rgb, data }))
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect(await decode(withChunk(png, 'sBIT', new Uint8Array(1 << 20)))).toEqual(await decode(png));
  });

  test('are refused where nothing tells, but black is black', async () => {
    const data = Uint16Array.from(shades, (value) => value * 16);
    await expect(decode(tiffOf({ ...rgb, data }))).rejects.toThrow('its 16-bit samples are at most 4080');
    expect(await decode(tiffOf({ ...rgb, data: new Uint16Array(shades.length) }))).toEqual(
      Buffer.alloc(32 * 32 * 3),
    );
  });

  test.each<[kind: string, data: TiffSamples['data']]>([
    ['floating-point numbers', Float32Array.from(shades, (value) => value / 255)],
    ['signed 8-bit integers', Int8Array.from(shades, (value) => value - 128)],
    ['signed 16-bit integers', Int16Array.from(shades, (value) => value * 128)],
    ['32-bit integers', Uint32Array.from(shades, (value) => value * 2 ** 24)],
  ])('are refused by name: %s', async (kind, data) => {
    await expect(decode(tiffOf({ ...rgb, data }))).rejects.toThrow(`its samples are ${kind}`);
    const one = { ...SIZE, channels: 1, data: data.filter((_, index) => index % 3 === 0) } as const;
    await expect(decode(tiffOf(one as TiffSamples))).rejects.toThrow(`its samples are ${kind}`);
  });
});

async function largestDifference(one: Buffer, other: Buffer): Promise<number> {
  const [a, b] = [await decode(one), await decode(other)];
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - (b[index] as number))), 0);
}

async function decode(image: Buffer): Promise<Buffer> {
  return Buffer.from(await decodeImages([image], { imageSize: 32, resize: 'stretch' }));
}
