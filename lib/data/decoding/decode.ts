import type { Sharp } from 'sharp';
import { invalidArgument, TorchTlError } from '../../errors.ts';
import type { Resize } from '../../options/resize.ts';
import { readRegularFile } from '../../support/regular-file.ts';
import { ImageProblem, isHarmless, problemOf } from './decoder-message.ts';
import { plainImage } from './plain-image.ts';
import { keptWindow, place, scaledSize } from './resize.ts';

/** Raw pixels: uint8 `[height, width, channels]`; grey, RGB or RGBA. */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
}

/** An image: the path of a file, the bytes of an encoded image, or raw pixels. */
export type ImageInput = string | Uint8Array | RawImage;

/** Largest size of an image file in bytes; several are in memory at a time. */
export const LARGEST_FILE = 2 ** 30;

/** Largest number of pixels of an image: a small file may claim to hold gigabytes. */
const LARGEST_IMAGE = 2 ** 28;

/**
 * Decodes one image to sRGB in a worker thread. Rotates it upright by its EXIF or XMP data, puts transparent pixels on
 * white, uses the first of several frames, and shrinks with antialiasing.
 *
 * @param target receives the pixels: uint8 `[side, side, 3]`, zeroed
 * @throws ImageProblem with the reason, without the image's name; TorchTlError; system errors
 */
export async function decodeImage(
  image: ImageInput,
  side: number,
  resize: Resize,
  target: Uint8Array,
): Promise<void> {
  const { default: sharp } = await loadSharp();
  const content = await contentOf(image);
  const isJpeg = content instanceof Uint8Array && content[0] === 0xff && content[1] === 0xd8;
  const decode = async (failOn: 'warning' | 'error') => {
    const options = { limitInputPixels: LARGEST_IMAGE, failOn } as const;
    const pipeline =
      content instanceof Uint8Array
        ? await plainImage(sharp, content, options)
        : sharp(content.data, { ...options, raw: rawSize(content) });
    return scaledPixels(pipeline, side, resize, target);
  };
  try {
    // libjpeg only warns when pixels of a JPEG are lost.
    await decode(isJpeg ? 'warning' : 'error').catch((error: Error) => {
      if (!isJpeg || !isHarmless(error.message, content)) throw error;
      return decode('error');
    });
  } catch (error) {
    if (error instanceof ImageProblem) throw error;
    throw new ImageProblem(problemOf((error as Error).message), { cause: error });
  }
}

async function contentOf(image: ImageInput): Promise<Uint8Array | RawImage> {
  // Not read by libvips, which caches files by path even if they have changed.
  if (typeof image === 'string') return readRegularFile(image, LARGEST_FILE);
  // A copy, since the caller may transfer the bytes while a worker thread reads them.
  return image instanceof Uint8Array ? Buffer.from(image) : { ...image, data: image.data.slice() };
}

function rawSize({ width, height, channels }: RawImage) {
  return { width, height, channels };
}

async function scaledPixels(
  pipeline: Sharp,
  side: number,
  resize: Resize,
  target: Uint8Array,
): Promise<void> {
  const { autoOrient: size } = await pipeline.metadata();
  const scaled = scaledSize(size, side, resize);
  const columns = keptWindow(size.width, scaled.width, side);
  const rows = keptWindow(size.height, scaled.height, side);
  const data = await pipeline
    .autoOrient()
    .flatten({ background: '#fff' })
    .resize({
      width: Math.min(size.width, scaled.width),
      height: Math.min(size.height, scaled.height),
      fit: 'fill',
      kernel: 'linear',
      fastShrinkOnLoad: false,
    })
    .extract({ left: columns.begin, top: rows.begin, width: columns.count, height: rows.count })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();
  await place(data, columns, rows, target, side);
}

/**
 * Checks that a value is a list of images.
 *
 * @param name of the argument, for the message
 * @throws InputError `INVALID_ARGUMENT`
 */
export function requireImages(name: string, images: unknown): asserts images is readonly ImageInput[] {
  if (!Array.isArray(images)) throw invalidArgument(name, 'a list of images', images);
  for (const [index, image] of images.entries()) {
    if (typeof image === 'string' || image instanceof Uint8Array || isRaw(image)) continue;
    const expected = 'a path, the bytes of a file, or { data, width, height, channels } of matching size';
    throw invalidArgument(`${name}[${index}]`, expected, image);
  }
}

/** The name of an image in messages: its path or its index. */
export function imageName(image: ImageInput, index: number): string {
  return typeof image === 'string' ? image : `the image at index ${index}`;
}

function isRaw(value: unknown): value is RawImage {
  if (typeof value !== 'object' || value === null) return false;
  const { data, width, height, channels } = value as Partial<RawImage>;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) return false;
  if (!isSize(width) || !isSize(height) || ![1, 3, 4].includes(channels as number)) return false;
  return data.length === width * height * (channels as number);
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0;
}

/** To be incremented whenever a change of this code changes decoded pixels. */
const REVISION = 2;

/** Versions of everything that decodes images. Other versions may produce different pixels. */
export async function decoderName(): Promise<string> {
  const { default: sharp } = await loadSharp();
  return `torch-tl ${REVISION}, sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
}

/** Loads sharp on first use, so that importing torch-tl loads nothing native. */
export async function loadSharp(): Promise<typeof import('sharp')> {
  try {
    return await import('sharp');
  } catch (cause) {
    const message = `sharp, which decodes images, cannot be loaded on this system: ${(cause as Error).message}`;
    throw new TorchTlError('PLATFORM_UNSUPPORTED', message, { cause });
  }
}
