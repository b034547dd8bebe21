import type { FileHandle } from 'node:fs/promises';
import { InputError } from '../../errors.ts';
import { unreadable } from '../../support/files.ts';
import { openRegularFile, readInto } from '../../support/regular-file.ts';
import type { Pictures, StoredPictureSet } from '../image-set.ts';

/** Some milliseconds of hashing. */
const PIECE = 1 << 22;

/**
 * The pixels of pictures, one after another: uint8 `[count, height, width, 3]` in pieces, each good until the next.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function* readPixels(pictures: Pictures): AsyncGenerator<Uint8Array> {
  if (!('file' in pictures)) {
    yield pictures.pixels;
    return;
  }
  const file = await openPixels(pictures.file);
  try {
    const bytes = pictures.height * pictures.width * 3;
    const piece = new Uint8Array(Math.max(bytes, PIECE - (PIECE % bytes)));
    for (const [first, count] of runs(pictures, piece.length / bytes)) {
      const target = piece.subarray(0, count * bytes);
      await fill(file, target, first * bytes, pictures.file);
      yield target;
    }
  } finally {
    await file.close();
  }
}

/**
 * The pixels of one picture: uint8 `[height, width, 3]`.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export async function pixelsAt(pictures: Pictures, index: number): Promise<Uint8Array> {
  const bytes = pictures.height * pictures.width * 3;
  if (!('file' in pictures)) return pictures.pixels.slice(index * bytes, (index + 1) * bytes);
  const file = await openPixels(pictures.file);
  try {
    const target = new Uint8Array(bytes);
    await fill(file, target, Number(pictures.places[index]) * bytes, pictures.file);
    return target;
  } finally {
    await file.close();
  }
}

/** Pictures that lie one after another in the file, at most `longest`: the first one's place, and how many. */
function* runs({ places }: StoredPictureSet, longest: number): Generator<[first: number, count: number]> {
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
    `The decoded pictures in ${path} are no longer whole; read them again.`,
  );
}

async function openPixels(path: string): Promise<FileHandle> {
  try {
    return (await openRegularFile(path)).file;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
