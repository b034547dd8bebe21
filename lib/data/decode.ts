import type { Sharp } from 'sharp';
import { invalidArgument, TorchTlError } from '../errors.ts';
import { readRegularFile } from '../regular-file.ts';
import { keptWindow, place, type Resize, scaledSize } from './resize.ts';

/** Pixels as they are: uint8 `[height, width, channels]`; grey, RGB, or RGB with opacity. */
export interface RawPicture {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
}

/** A file's path, the bytes of an encoded picture, or pixels. */
export type Picture = string | Uint8Array | RawPicture;

const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'];

export const READABLE_FORMATS = 'JPEG, PNG, WebP, GIF, TIFF and AVIF';

/** Bytes of a picture's file; several are in memory at a time. */
const LARGEST_FILE = 2 ** 30;

/** More pixels are refused: a small file may claim gigabytes. */
const LARGEST_PICTURE = 2 ** 28;

/**
 * Decodes one picture, beside the event loop, to sRGB: turned upright as its EXIF data say, over white
 * where it is transparent, the first of several frames, shrunk with antialiasing.
 *
 * @param target uint8 `[side, side, 3]`, zeroed: where the pixels go
 * @throws Error saying why it cannot be decoded, without its name
 */
export async function decodePicture(
  picture: Picture,
  side: number,
  resize: Resize,
  target: Uint8Array,
): Promise<void> {
  const image = await openPicture(picture);
  const { format, autoOrient: size } = await image.metadata();
  if (format !== 'raw' && !FORMATS.includes(format)) {
    throw new Error(`its format, ${format}, is not among those that are read: ${READABLE_FORMATS}`);
  }
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

async function openPicture(picture: Picture): Promise<Sharp> {
  const { default: sharp } = await loadSharp();
  const options = { limitInputPixels: LARGEST_PICTURE, failOn: 'error' } as const;
  // Read here, not by libvips, which keeps what it has read of a path although the file may have changed.
  if (typeof picture === 'string') return sharp(await readRegularFile(picture, LARGEST_FILE), options);
  // A copy, since the caller may send the bytes elsewhere while they are read beside the event loop.
  if (picture instanceof Uint8Array) return sharp(Buffer.from(picture), options);
  const { data, width, height, channels } = picture;
  return sharp(data.slice(), { ...options, raw: { width, height, channels } });
}

/** Which program decodes: another version may come to other pixels. */
export async function decoderName(): Promise<string> {
  const { default: sharp } = await loadSharp();
  return `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`;
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
