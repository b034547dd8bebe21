import type { BigIntStats } from 'node:fs';
import { type FileHandle, stat } from 'node:fs/promises';
import { InputError } from '../../errors.ts';
import { unreadable } from '../../support/files.ts';
import { openRegularFile, readInto } from '../../support/regular-file.ts';
import type { Images, StoredImageSet } from '../image-set.ts';

/** Bytes per piece: a few milliseconds of hashing. */
const PIECE = 1 << 22;

/**
 * Reads the pixels of images, uint8 `[count, height, width, 3]`, in pieces. Each piece is valid until the next one.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function* readPixels(images: Images): AsyncGenerator<Uint8Array> {
  if (!('file' in images)) {
    yield images.pixels;
    return;
  }
  const file = await openPixels(images);
  try {
    const bytes = images.height * images.width * 3;
    const piece = new Uint8Array(Math.max(bytes, PIECE - (PIECE % bytes)));
    for (const [first, count] of runs(images, piece.length / bytes)) {
      const target = piece.subarray(0, count * bytes);
      await fill(file, target, first * bytes, images.file);
      yield target;
    }
  } finally {
    await file.close();
  }
}

/**
 * The pixels of one image: uint8 `[height, width, 3]`.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function pixelsAt(images: Images, index: number): Promise<Uint8Array> {
  const bytes = images.height * images.width * 3;
  if (!('file' in images)) return images.pixels.slice(index * bytes, (index + 1) * bytes);
  const file = await openPixels(images);
  try {
    const target = new Uint8Array(bytes);
    await fill(file, target, Number(images.places[index]) * bytes, images.file);
    return target;
  } finally {
    await file.close();
  }
}

/**
 * Runs of at most `longest` images that are adjacent in the file: the position of the first, and the number of images.
 */
function* runs({ places }: StoredImageSet, longest: number): Generator<[first: number, count: number]> {
  let begin = 0;
  for (let index = 1; index <= places.length; index++) {
    const isAdjacent = index < places.length && places[index] === (places[index - 1] as bigint) + 1n;
    if (isAdjacent && index - begin < longest) continue;
    yield [Number(places[begin]), index - begin];
    begin = index;
  }
}

async function fill(file: FileHandle, target: Uint8Array, position: number, path: string): Promise<void> {
  try {
    if ((await readInto(file, target, position)) === target.length) return;
  } catch (cause) {
    throw unreadable(path, cause);
  }
  throw new InputError(
    'FILE_UNREADABLE',
    `The file of decoded images ${path} was truncated in the meantime; read the images again.`,
  );
}

async function openPixels(images: StoredImageSet): Promise<FileHandle> {
  const path = images.file;
  try {
    const { file } = await openRegularFile(path);
    if (identityOf(await file.stat({ bigint: true })) === images.identity) return file;
    await file.close();
  } catch (cause) {
    throw unreadable(path, cause);
  }
  throw replaced(path);
}

/**
 * What tells a file from another one of its name, also from one that was made after it was removed. It stays the same while
 * the file grows.
 */
export function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return [dev, ino, birthtimeNs].join(' ');
}

/**
 * Makes sure that the file of images is the one in which they were found.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function requireSameFile({ file, identity }: StoredImageSet): Promise<void> {
  const found = await stat(file, { bigint: true }).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  if (identityOf(found) !== identity) throw replaced(file);
}

/** The error for a file of decoded images that is not the one in which they were found. */
export function replaced(path: string): InputError {
  return new InputError(
    'FILE_UNREADABLE',
    `The file of decoded images ${path} was replaced in the meantime; read the images again.`,
  );
}
