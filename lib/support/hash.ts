import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import * as zlib from 'node:zlib';

/** Bytes to hash before the event loop may run: a few milliseconds of work. */
const SLICE = 1 << 22;

type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * SHA-256 of the concatenated parts, in lower-case hexadecimal. The event loop runs between slices.
 *
 * @throws the signal's reason after an abort; errors that `parts` throws
 */
export async function sha256(parts: Parts, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await inSlices(parts, signal, (slice) => hash.update(slice));
  return hash.digest('hex');
}

/** CRC-32 of the concatenated parts. The event loop runs between slices. Throws as `sha256` does. */
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
  update: (slice: Uint8Array) => void,
): Promise<void> {
  let bytes = 0;
  for await (const part of parts) {
    for (let begin = 0; begin < part.byteLength; begin += SLICE) {
      signal?.throwIfAborted();
      const slice = part.subarray(begin, begin + SLICE);
      update(slice);
      bytes += slice.byteLength;
      if (bytes < SLICE) continue;
      bytes = 0;
      await setImmediate();
    }
  }
}
