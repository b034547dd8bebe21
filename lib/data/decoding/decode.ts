import type { Sharp } from 'sharp';
import { invalidArgument, TorchTlError } from '../../errors.ts';
import type { Resize } from '../../options/resize.ts';
import { readRegularFile } from '../../support/regular-file.ts';
import { ImageProblem, isHarmless, meaningOf } from './complaint.ts';
import { plainImage } from './plain-image.ts';
import { keptWindow, place, scaledSize } from './resize.ts';

/** Pixels as they are: uint8 `[height, width, channels]`; grey, RGB, or RGB with opacity. */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
}

/** A file's path, the bytes of an encoded image, or pixels. */
export type ImageInput = string | Uint8Array | RawImage;

/** Bytes of an image's file; several are in memory at a time. */
const LARGEST_FILE = 2 ** 30;

/** More pixels are refused: a small file may claim gigabytes. */
const LARGEST_IMAGE = 2 ** 28;

/**
 * Decodes one image, beside the event loop, to sRGB: turned upright as its EXIF or XMP data say, over white
 * where it is transparent, the first of several frames, shrunk with antialiasing.
 *
 * @param target uint8 `[side, side, 3]`, zeroed: where the pixels go
 * @throws ImageProblem saying why it cannot be decoded, without its name; TorchTlError; the system's errors
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
    // Where a JPEG's pixels are lost libjpeg only warns.
    await decode(isJpeg ? 'warning' : 'error').catch((error: Error) => {
      if (!isJpeg || !isHarmless(error.message, content)) throw error;
      return decode('error');
    });
  } catch (error) {
    if (error instanceof ImageProblem) throw error;
    throw new ImageProblem(meaningOf((error as Error).message), { cause: error });
  }
}

async function contentOf(image: ImageInput): Promise<Uint8Array | RawImage> {
  // Read here, not by libvips, which keeps what it has read of a path although the file may have changed.
  if (typeof image === 'string') return readRegularFile(image, LARGEST_FILE);
  // A copy, since the caller may send the bytes elsewhere while they are read beside the event loop.
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
 * @param name what the caller knows the list as
 * @throws InputError `INVALID_ARGUMENT` for a list in which one is no image
 */
export function requireImages(name: string, images: unknown): asserts images is readonly ImageInput[] {
  if (!Array.isArray(images)) throw invalidArgument(name, 'a list of images', images);
  for (const [index, image] of images.entries()) {
    if (typeof image === 'string' || image instanceof Uint8Array || isRaw(image)) continue;
    const expected = 'a path, the bytes of a file, or { data, width, height, channels } with as many bytes';
    throw invalidArgument(`${name}[${index}]`, expected, image);
  }
}

/** What an error calls an image. */
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

/** Is raised when this file, or what it calls, comes to other pixels than before. */
const REVISION = 2;

/** What decodes: another version may come to other pixels. */
export async function decoderName(): Promise<string> {
  const { default: sharp } = await loadSharp();
  return `torch-tl ${REVISION}, sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
}

/** Only when the first image is decoded, so that importing torch-tl loads nothing native. */
export async function loadSharp(): Promise<typeof import('sharp')> {
  try {
    return await import('sharp');
  } catch (cause) {
    const message = `sharp, which decodes images, does not load here: ${(cause as Error).message}`;
    throw new TorchTlError('PLATFORM_UNSUPPORTED', message, { cause });
  }
}
