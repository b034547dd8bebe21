import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { ImageInput, RawImage } from '../../lib/data/decoding/decode.ts';
import { decodeImages } from '../../lib/data/decoding/decode-all.ts';
import type { Resize } from '../../lib/options/resize.ts';

export type Colour = [red: number, green: number, blue: number];

export const RED: Colour = [220, 30, 20];
export const GREEN: Colour = [20, 200, 40];
export const BLUE: Colour = [10, 60, 230];

/** Vertical bands of equal width, as pixels. */
export function bands(colours: Colour[], width: number, height: number) {
  const row = Array.from({ length: width }, (_, x) => colours[Math.floor((x * colours.length) / width)]);
  const line = Uint8Array.from(row.flat() as number[]);
  const data = new Uint8Array(line.length * height);
  for (let y = 0; y < height; y++) data.set(line, y * line.length);
  return { data, width, height, channels: 3 } as const satisfies RawImage;
}

/** The same for sharp to encode. */
export function encode({ data, width, height, channels }: RawImage) {
  return sharp(data, { raw: { width, height, channels } });
}

/** Writes images of one colour each by their paths under a directory; the ending is the format. */
export async function writeImages(directory: string, images: Record<string, Colour>): Promise<void> {
  for (const [path, colour] of Object.entries(images)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    await encode(bands([colour], 40, 40)).toFile(join(directory, path));
  }
}

/** Decodes one image to 32 x 32 and gives the colour at a place. */
export async function decoded(image: ImageInput, resize: Resize = 'cover') {
  const pixels = await decodeImages([image], { imageSize: 32, resize });
  return (x: number, y: number) => [...pixels.subarray((y * 32 + x) * 3, (y * 32 + x + 1) * 3)];
}

/** Whether each channel is as expected, or nearly so: lossy formats and colour profiles round. */
export function near(colour: readonly number[], tolerance = 4) {
  return {
    asymmetricMatch: (other: number[]) =>
      other.length === 3 &&
      other.every((value, index) => Math.abs(value - Number(colour[index])) <= tolerance),
    toString: () => `near ${colour.join(', ')}`,
  };
}
