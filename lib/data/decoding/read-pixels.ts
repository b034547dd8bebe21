import type { FileHandle } from 'node:fs/promises';
import { InputError } from '../../errors.ts';
import { unreadable } from '../../support/files.ts';
import { openRegularFile, readInto } from '../../support/regular-file.ts';
import type { Images, StoredImageSet } from '../image-set.ts';

/** Some milliseconds of hashing. */
const PIECE = 1 << 22;

/**
 * The pixels of images, one after another: uint8 `[count, height, width, 3]` in pieces, each good until the next.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function* readPixels(images: Images): AsyncGenerator<Uint8Array> {
  if (!('file' in images)) {
    yield images.pixels;
    return;
  }
  const file = await openPixels(images.file);
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
  const file = await openPixels(images.file);
  try {
    const target = new Uint8Array(bytes);
    await fill(file, target, Number(images.places[index]) * bytes, images.file);
    return target;
  } finally {
    await file.close();
  }
}

/** Images that lie one after another in the file, at most `longest`: the first one's place, and how many. */
function* runs({ places }: StoredImageSet, longest: number): Generator<[first: number, count: number]> {
  let begin = 0;
  for (let index = 1; index <= places.length; index++) {
    const goesOn = index < places.length && places[index] === (places[index - 1] as bigint) + 1n;
    if (goesOn && index - begin < longest) continue;
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
    `The decoded images in ${path} are no longer whole; read them again.`,
  );
}

async function openPixels(path: string): Promise<FileHandle> {
  try {
    return (await openRegularFile(path)).file;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
