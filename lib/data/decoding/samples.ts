import type { Metadata, Sharp } from 'sharp';
import { ImageProblem } from './complaint.ts';
import { MAX_SAMPLE_VALUE, tiffTags } from './tiff-tags.ts';

/** 16-bit samples that go no further than those of 12 bits would show as black. */
const DARKEST = 2 ** 12;

/**
 * By how much the samples of an image must be multiplied, so that what is white in it is white: 1, but for 16-bit
 * samples of fewer bits, of which the file says how many.
 *
 * @throws ImageProblem for samples of which nobody can know what is white
 */
export async function sampleScale(image: Sharp, metadata: Metadata, bytes: Uint8Array): Promise<number> {
  const { format, depth, space, hasAlpha, hasProfile } = metadata;
  // What has colours of its own has their scale too.
  if (depth === 'uchar' || space === 'lab' || space === 'labs') return 1;
  if (depth !== 'ushort') {
    throw new ImageProblem(`its samples are ${KINDS[depth] ?? depth}, whose range is not known; ${CONVERT}`);
  }
  const bits = format === 'png' ? significantBits(bytes) : format === 'tiff' ? bitsOfLargest(bytes) : 16;
  // The decoder has scaled those of AVIF.
  if (format !== 'png' && format !== 'tiff') return 1;
  const { channels } = await image.clone().stats();
  const largest = Math.max(...channels.slice(0, hasAlpha ? -1 : undefined).map(({ max }) => max));
  const reached = 2 ** bits - 1;
  if (bits < 16 && largest <= reached) {
    if (!hasProfile) return 65535 / reached;
    throw new ImageProblem(`its samples have ${bits} of 16 bits, and a colour profile besides; ${CONVERT}`);
  }
  if (largest === 0 || largest >= DARKEST) return 1;
  throw new ImageProblem(
    `its 16-bit samples go no further than ${largest}, and nothing in it says how many bits they have; ${CONVERT}`,
  );
}

const CONVERT = 'convert it to 8 bits, or to 16 that are all used';

/** What people call the samples of libvips' formats. */
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

/** Of a TIFF file, by the largest value that its samples may have, where it is one of so many bits. */
function bitsOfLargest(bytes: Uint8Array): number {
  const bits = Math.log2((tiffTags(bytes).get(MAX_SAMPLE_VALUE) ?? 65535) + 1);
  return Number.isInteger(bits) && bits > 8 ? bits : 16;
}

/** Of a PNG, by its chunk `sBIT`, of which the largest counts. */
function significantBits(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    if (type === 'IDAT') break;
    if (type === 'sBIT') return Math.max(8, ...bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  return 16;
}
