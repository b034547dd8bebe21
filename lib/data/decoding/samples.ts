import type { Metadata, Sharp } from 'sharp';
import { ImageProblem } from './decoder-message.ts';
import { MAX_SAMPLE_VALUE, tiffTags } from './tiff-tags.ts';

/** 16-bit samples that all are below this value, the range of 12 bits, would look black. */
const DARKEST = 2 ** 12;

/**
 * The factor that scales an image's samples to the full range. It is 1 except for 16-bit samples that use fewer bits,
 * if the file names their number.
 *
 * @throws ImageProblem if the range of the samples is unknown
 */
export async function sampleScale(image: Sharp, metadata: Metadata, bytes: Uint8Array): Promise<number> {
  const { format, depth, space, hasAlpha, hasProfile } = metadata;
  // These colour spaces define their own range.
  if (depth === 'uchar' || space === 'lab' || space === 'labs') return 1;
  if (depth !== 'ushort') {
    throw new ImageProblem(`its samples are ${KINDS[depth] ?? depth} of unknown range; ${CONVERT}`);
  }
  const bits = format === 'png' ? significantBits(bytes) : format === 'tiff' ? bitsOfLargest(bytes) : 16;
  // libvips has already scaled the samples of AVIF.
  if (format !== 'png' && format !== 'tiff') return 1;
  const { channels } = await image.clone().stats();
  const largest = Math.max(...channels.slice(0, hasAlpha ? -1 : undefined).map(({ max }) => max));
  const reached = 2 ** bits - 1;
  if (bits < 16 && largest <= reached) {
    if (!hasProfile) return 65535 / reached;
    throw new ImageProblem(`its samples use ${bits} of 16 bits and it has a colour profile; ${CONVERT}`);
  }
  if (largest === 0 || largest >= DARKEST) return 1;
  throw new ImageProblem(
    `its 16-bit samples are at most ${largest}, and it does not say how many bits they use; ${CONVERT}`,
  );
}

const CONVERT = 'convert it to 8 bits, or to 16 bits with the full range';

/** Plain names of libvips' sample formats. */
const KINDS: Record<string, string> = {
  char: 'signed 8-bit integers',
  short: 'signed 16-bit integers',
  int: 'signed 32-bit integers',
  uint: '32-bit integers',
  float: 'floating-point numbers',
  double: 'floating-point numbers',
  complex: 'complex numbers',
  dpcomplex: 'complex numbers',
};

/** Number of bits that the samples of a TIFF file use, by its tag MaxSampleValue; 16 if that says nothing. */
function bitsOfLargest(bytes: Uint8Array): number {
  const bits = Math.log2((tiffTags(bytes).get(MAX_SAMPLE_VALUE) ?? 65535) + 1);
  return Number.isInteger(bits) && bits > 8 ? bits : 16;
}

/** Largest number of a PNG's channels, for each of which the chunk `sBIT` has a byte. */
const CHANNELS = 4;

/** Number of bits that the samples of a PNG use: the largest value in its chunk `sBIT`; 16 without one. */
function significantBits(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    if (type === 'IDAT') break;
    if (type === 'sBIT')
      return Math.max(8, ...bytes.subarray(at + 8, at + 8 + Math.min(CHANNELS, view.getUint32(at))));
  }
  return 16;
}
