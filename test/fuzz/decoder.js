/*
 * Decodes the images that its parent sends, as the product does, and answers each with what came of it. The parent sees
 * a crash, a hang and the memory from outside.
 */
import { Session } from 'node:inspector/promises';
import { decodeImage } from '../../dist/data/decoding/decode.js';
import { ImageProblem } from '../../dist/data/decoding/decoder-message.js';
import { uprightSize } from '../../dist/data/decoding/header.js';

const SIDE = 32;

/** The code whose coverage guides the fuzzer. */
const GUIDING = /\/dist\/data\/decoding\//;

const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

process.on('message', async (bytes) => {
  const size = await uprightSize(bytes).catch(() => null);
  process.send({ size });
  process.send({ ...(await decoded(bytes)), covered: await covered() });
});

/** The pixels, or the problem and what the decoder itself says, or the stack of any other error. */
async function decoded(bytes) {
  try {
    const pixels = new Uint8Array(SIDE * SIDE * 3);
    await decodeImage(bytes, SIDE, 'cover', pixels);
    return { pixels };
  } catch (error) {
    if (!(error instanceof ImageProblem)) return { fault: error.stack };
    return { problem: error.message, reason: error.cause?.message ?? '' };
  }
}

/** Names of the blocks of code that have run since the last call. */
async function covered() {
  const { result } = await session.post('Profiler.takePreciseCoverage');
  return result
    .filter(({ url }) => GUIDING.test(url))
    .flatMap(({ url, functions }) =>
      functions.flatMap(({ ranges }) => ranges.map((range) => ({ url, ...range }))),
    )
    .filter(({ count }) => count > 0)
    .map(({ url, startOffset, endOffset }) => `${url}:${startOffset}-${endOffset}`);
}
