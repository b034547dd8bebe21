import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import * as zlib from 'node:zlib';

/** Some milliseconds of hashing. */
const SLICE = 1 << 22;

type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * SHA-256 of bytes one after another, in lower-case hexadecimal; the event loop runs in between.
 *
 * @throws the signal's reason; what `parts` throw
 */
export async function sha256(parts: Parts, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await inSlices(parts, signal, (slice) => hash.update(slice));
  return hash.digest('hex');
}

/** CRC-32 of bytes one after another, likewise. */
export async function crc32(parts: Parts, signal?: AbortSignal): Promise<number> {
  let sum = 0;
  await inSlices(parts, signal, (slice) => {
    sum = zlib.crc32(slice, sum);
  });
  return sum;
}

async function inSlices(
  parts: Parts,
  signal: AbortSignal | undefined,
  take: (slice: Uint8Array) => void,
): Promise<void> {
  let taken = 0;
  for await (const part of parts) {
    for (let begin = 0; begin < part.byteLength; begin += SLICE) {
      signal?.throwIfAborted();
      const slice = part.subarray(begin, begin + SLICE);
      take(slice);
      taken += slice.byteLength;
      if (taken < SLICE) continue;
      taken = 0;
      await setImmediate();
    }
  }
}
