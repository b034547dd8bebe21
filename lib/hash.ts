import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

/** Some milliseconds of hashing. */
const SLICE = 1 << 22;

/** SHA-256 of bytes one after another, in lower-case hexadecimal; the event loop runs in between. */
export async function sha256(parts: Iterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  let hashed = 0;
  for (const part of parts) {
    for (let begin = 0; begin < part.byteLength; begin += SLICE) {
      const slice = part.subarray(begin, begin + SLICE);
      hash.update(slice);
      hashed += slice.byteLength;
      if (hashed < SLICE) continue;
      hashed = 0;
      await setImmediate();
    }
  }
  return hash.digest('hex');
}
