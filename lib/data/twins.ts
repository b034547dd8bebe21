import { hash } from 'node:crypto';
import { fstatSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { InputError } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { withRegularFileSync } from '../support/regular-file.ts';
import { identityOf, replaced } from './decoding/read-pixels.ts';
import type { Images } from './image-set.ts';

/*
 * Exact twins: images with equal pixels. Only images that share their middle row are compared as a whole, so a search
 * reads little more than one row per image.
 */

/** Bytes to read and hash before the event loop may run: a few milliseconds of work. */
const AT_ONCE = 1 << 22;
/** Files are read this many times at most before the event loop may run. */
const READS_AT_ONCE = 64;

/** An image by its set and its place there. */
interface Place {
  set: Images;
  index: number;
}

/** A part of every image: its first byte and the number of bytes. */
interface Part {
  begin: number;
  length: number;
}

/**
 * A key per image of all sets together, in their order: equal for images with equal pixels, null for an image without a
 * twin.
 *
 * @throws InputError `FILE_UNREADABLE`
 */
export function twinKeys(sets: readonly Images[]): Array<string | null> {
  const search = searchOf(sets);
  let step = search.next();
  while (!step.done) step = search.next();
  return step.value;
}

/**
 * As `twinKeys`, but the event loop runs in between.
 *
 * @throws InputError `FILE_UNREADABLE`; the signal's reason after an abort
 */
export async function findTwinKeys(
  sets: readonly Images[],
  signal?: AbortSignal,
): Promise<Array<string | null>> {
  const search = searchOf(sets);
  let step = search.next();
  while (!step.done) {
    await setImmediate();
    signal?.throwIfAborted();
    step = search.next();
  }
  return step.value;
}

function* searchOf(sets: readonly Images[]): Generator<void, Array<string | null>> {
  const all = sets.flatMap((set) => Array.from({ length: set.count }, (_, index) => ({ set, index })));
  const rows = yield* digestsOf(all, ({ height, width }) => ({
    begin: Math.floor(height / 2) * width * 3,
    length: width * 3,
  }));
  const candidates = repeatedOf(rows);
  const whole = yield* digestsOf(
    candidates.map((index) => all[index] as Place),
    ({ height, width }) => ({ begin: 0, length: height * width * 3 }),
  );
  const keys = new Array<string | null>(all.length).fill(null);
  for (const place of repeatedOf(whole)) keys[candidates[place] as number] = whole[place] as string;
  return keys;
}

/** Places of the values that occur more than once. */
export function repeatedOf(values: ReadonlyArray<string | null>): number[] {
  const counts = new Map<string | null, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...values.keys()].filter((place) => {
    const value = values[place] as string | null;
    return value !== null && (counts.get(value) as number) > 1;
  });
}

/** The SHA-256 of a part of each image, several images at a time. */
function* digestsOf(places: readonly Place[], partOf: (set: Images) => Part): Generator<void, string[]> {
  const digests: string[] = [];
  while (digests.length < places.length) {
    const { set } = places[digests.length] as Place;
    const part = partOf(set);
    const most = Math.max(1, Math.min(READS_AT_ONCE, Math.floor(AT_ONCE / part.length)));
    const next = places.slice(digests.length, digests.length + most);
    const end = next.findIndex((place) => place.set !== set);
    const indices = (end === -1 ? next : next.slice(0, end)).map(({ index }) => index);
    digests.push(...('file' in set ? storedDigests(set, indices, part) : heldDigests(set, indices, part)));
    yield;
  }
  return digests;
}

function heldDigests(set: Extract<Images, { pixels: Uint8Array }>, indices: number[], part: Part): string[] {
  const bytes = set.height * set.width * 3;
  return indices.map((index) => {
    const begin = index * bytes + part.begin;
    return hash('sha256', set.pixels.subarray(begin, begin + part.length), 'base64');
  });
}

function storedDigests(set: Extract<Images, { file: string }>, indices: number[], part: Part): string[] {
  const bytes = set.height * set.width * 3;
  const target = new Uint8Array(part.length);
  try {
    return withRegularFileSync(set.file, (file) => {
      if (identityOf(fstatSync(file, { bigint: true })) !== set.identity) throw replaced(set.file);
      return indices.map((index) => {
        const begin = Number(set.places[index]) * bytes + part.begin;
        fill(file, target, begin, set.file);
        return hash('sha256', target, 'base64');
      });
    });
  } catch (cause) {
    throw cause instanceof InputError ? cause : unreadable(set.file, cause);
  }
}

function fill(file: number, target: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < target.length; ) {
    const read = readSync(file, target, done, target.length - done, position + done);
    if (read === 0) throw truncated(path);
    done += read;
  }
}

function truncated(path: string): InputError {
  return new InputError(
    'FILE_UNREADABLE',
    `The file of decoded images ${path} was truncated in the meantime; read the images again.`,
  );
}
