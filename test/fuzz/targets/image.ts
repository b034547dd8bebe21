import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { InputError } from '../../../lib/errors.ts';
import { decodeElsewhere } from '../decoding-process.ts';
import { requireWithin } from '../limits.ts';
import type { Target } from '../target.ts';

/** Words of the libraries that decode, which nobody else understands. */
const JARGON = /vips|libpng|libspng|libjpeg|libwebp|libtiff|libheif|Unknown error|Input buffer|chunk/i;

/** First bytes of the formats that are read: JPEG, PNG, WebP, GIF, TIFF and AVIF. */
const SIGNATURES = [/^\xff\xd8\xff/, /^\x89PNG/, /^RIFF....WEBP/s, /^GIF8/, /^(II|MM)/, /^....ftyp/s];

/** An image takes memory for its pixels, however few bytes they have in the file. */
const BYTES_PER_PIXEL = 16;

/** The input is a whole image file, decoded in a process of its own. */
export const target: Target = {
  refusals: ['DATA_INVALID'],
  async read(bytes, directory) {
    const first = await decodeElsewhere(bytes);
    const said = (first.reason ?? 'pixels').replace(/\d+/g, '0');
    guide([...first.covered, said]);
    assert.equal(first.fault, undefined);
    const pixels = (first.size?.width ?? 0) * (first.size?.height ?? 0);
    const allowed = { fixed: (256 << 20) + BYTES_PER_PIXEL * Math.min(pixels, 2 ** 28), perByte: 64 };
    requireWithin(first.memory, bytes.length, allowed);
    if (first.problem !== undefined) {
      assert.doesNotMatch(first.problem, JARGON);
      throw new InputError('DATA_INVALID', `${directory}: ${first.problem}`);
    }
    assert.ok(pixels > 0 && pixels <= 2 ** 28);
    const start = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
    assert.ok(
      SIGNATURES.some((signature) => signature.test(start)),
      `it is of no format: ${start}`,
    );
    // Bytes that nothing has written would differ.
    assert.deepEqual((await decodeElsewhere(bytes)).pixels, first.pixels);
  },
};

/** What Jazzer.js, if it runs this, gives to code that it has instrumented. */
interface Fuzzer {
  coverageTracker: { createModuleCounters(count: number): Uint8Array };
}

const { Fuzzer: fuzzer } = globalThis as { Fuzzer?: Fuzzer };

/** One counter for each name, by its hash; names are few. */
const counters = fuzzer?.coverageTracker.createModuleCounters(1 << 13);

/** Tells Jazzer.js what ran in the other process, which it does not see. */
function guide(names: readonly string[]): void {
  if (counters === undefined) return;
  for (const name of names) counters[crc32(name) % counters.length] = 1;
}
