import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { readPixels } from './decoding/read-pixels.ts';
import type { Images } from './image-set.ts';

/** Bytes of a key: enough that two different images never have the same. */
export const KEY_BYTES = 16;

/** Bytes to hash before the event loop may run: a few milliseconds of work. */
const SLICE = 1 << 22;

/**
 * A key for each image: the first 16 bytes of the SHA-256 of its size and pixels. Images of the same key are the same to
 * the pixel. The event loop runs in between.
 *
 * @returns uint8 `[count, 16]`
 * @throws the signal's reason after an abort; InputError `FILE_UNREADABLE`
 */
export async function imageKeys(set: Images, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = set.height * set.width * 3;
  const size = Buffer.from(`${set.height} ${set.width} `);
  const keys = new Uint8Array(set.count * KEY_BYTES);
  let position = 0;
  let hashed = 0;
  for await (const piece of readPixels(set)) {
    for (let begin = 0; begin < piece.length; begin += bytes) {
      signal?.throwIfAborted();
      const digest = createHash('sha256')
        .update(size)
        .update(piece.subarray(begin, begin + bytes))
        .digest();
      keys.set(digest.subarray(0, KEY_BYTES), position);
      position += KEY_BYTES;
      hashed += bytes;
      if (hashed < SLICE) continue;
      hashed = 0;
      await setImmediate();
    }
  }
  return keys;
}

/** Keys by the positions of the images: uint8 `[count, 16]`, all different. */
export function positionKeys(count: number): Uint8Array {
  const keys = new BigUint64Array((count * KEY_BYTES) / 8);
  for (let index = 0; index < count; index++) keys[(index * KEY_BYTES) / 8] = BigInt(index);
  return new Uint8Array(keys.buffer);
}
