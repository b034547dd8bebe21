import type { Sharp } from 'sharp';
import { invalidArgument, TorchTlError } from '../../errors.ts';
import type { Resize } from '../../options/resize.ts';
import { readRegularFile } from '../../support/regular-file.ts';
import { isHarmless, meaningOf, PictureProblem } from './complaint.ts';
import { plainImage } from './plain-image.ts';
import { keptWindow, place, scaledSize } from './resize.ts';

/** Pixels as they are: uint8 `[height, width, channels]`; grey, RGB, or RGB with opacity. */
export interface RawPicture {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
}

/** A file's path, the bytes of an encoded picture, or pixels. */
export type Picture = string | Uint8Array | RawPicture;

/** Bytes of a picture's file; several are in memory at a time. */
const LARGEST_FILE = 2 ** 30;

/** More pixels are refused: a small file may claim gigabytes. */
const LARGEST_PICTURE = 2 ** 28;

/**
 * Decodes one picture, beside the event loop, to sRGB: turned upright as its EXIF or XMP data say, over white
 * where it is transparent, the first of several frames, shrunk with antialiasing.
 *
 * @param target uint8 `[side, side, 3]`, zeroed: where the pixels go
 * @throws PictureProblem saying why it cannot be decoded, without its name; TorchTlError; the system's errors
 */
export async function decodePicture(
  picture: Picture,
  side: number,
  resize: Resize,
  target: Uint8Array,
): Promise<void> {
  const { default: sharp } = await loadSharp();
  const content = await contentOf(picture);
  const isJpeg = content instanceof Uint8Array && content[0] === 0xff && content[1] === 0xd8;
  const decode = async (failOn: 'warning' | 'error') => {
    const options = { limitInputPixels: LARGEST_PICTURE, failOn } as const;
    const image =
      content instanceof Uint8Array
        ? await plainImage(sharp, content, options)
        : sharp(content.data, { ...options, raw: rawSize(content) });
    return scaledPixels(image, side, resize, target);
  };
  try {
    // Where a JPEG's pixels are lost libjpeg only warns.
    await decode(isJpeg ? 'warning' : 'error').catch((error: Error) => {
      if (!isJpeg || !isHarmless(error.message, content)) throw error;
      return decode('error');
    });
  } catch (error) {
    if (error instanceof PictureProblem) throw error;
    throw new PictureProblem(meaningOf((error as Error).message), { cause: error });
  }
}

async function contentOf(picture: Picture): Promise<Uint8Array | RawPicture> {
  // Read here, not by libvips, which keeps what it has read of a path although the file may have changed.
  if (typeof picture === 'string') return readRegularFile(picture, LARGEST_FILE);
  // A copy, since the caller may send the bytes elsewhere while they are read beside the event loop.
  return picture instanceof Uint8Array ? Buffer.from(picture) : { ...picture, data: picture.data.slice() };
}

function rawSize({ width, height, channels }: RawPicture) {
  return { width, height, channels };
}

async function scaledPixels(image: Sharp, side: number, resize: Resize, target: Uint8Array): Promise<void> {
  const { autoOrient: size } = await image.metadata();
  const scaled = scaledSize(size, side, resize);
  const columns = keptWindow(size.width, scaled.width, side);
  const rows = keptWindow(size.height, scaled.height, side);
  const data = await image
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
 * @throws InputError `INVALID_ARGUMENT` for a list in which one is no picture
 */
export function requirePictures(name: string, pictures: unknown): asserts pictures is readonly Picture[] {
  if (!Array.isArray(pictures)) throw invalidArgument(name, 'a list of pictures', pictures);
  for (const [index, picture] of pictures.entries()) {
    if (typeof picture === 'string' || picture instanceof Uint8Array || isRaw(picture)) continue;
    const expected = 'a path, the bytes of a file, or { data, width, height, channels } with as many bytes';
    throw invalidArgument(`${name}[${index}]`, expected, picture);
  }
}

/** What an error calls a picture. */
export function pictureName(picture: Picture, index: number): string {
  return typeof picture === 'string' ? picture : `the picture at index ${index}`;
}

function isRaw(value: unknown): value is RawPicture {
  if (typeof value !== 'object' || value === null) return false;
  const { data, width, height, channels } = value as Partial<RawPicture>;
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

/** Only when the first picture is decoded, so that importing torch-tl loads nothing native. */
export async function loadSharp(): Promise<typeof import('sharp')> {
  try {
    return await import('sharp');
  } catch (cause) {
    const message = `sharp, which decodes pictures, does not load here: ${(cause as Error).message}`;
    throw new TorchTlError('PLATFORM_UNSUPPORTED', message, { cause });
  }
}
