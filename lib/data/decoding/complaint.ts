/*
 * What libvips and the libraries under it say of an image, which nobody can read who does not know them, in a few
 * sentences of ours.
 */

/** What is wrong with an image, for the end of a sentence. */
export class ImageProblem extends Error {}

/** What is wrong with an image, by what a complaint holds; of several the first. */
const MEANINGS: Array<[complaint: RegExp, meaning: string]> = [
  [/buffer is empty/i, 'it is empty'],
  [
    /exceeds pixel limit|width or height exceeds|too large/i,
    'it has more than the 268,435,456 pixels that are read',
  ],
  [/premature end|truncat|unexpected end|end of (?:file|stream|data)|not enough|ran out/i, 'it is cut off'],
  [
    /unsupported image format|not in a known format|is not a known/i,
    'it is no image in a format that is read',
  ],
  [/out of memory|unable to allocate|cannot allocate/i, 'there is not enough memory to decode it'],
];

const DAMAGED = 'it is damaged, or of a kind that is not read';

/** A decoder's complaint in our words. */
export function meaningOf(complaint: string): string {
  return MEANINGS.find(([pattern]) => pattern.test(complaint))?.[1] ?? DAMAGED;
}

/** What libjpeg warns of although every pixel is there. */
const HARMLESS = [
  /^(?:VipsJpeg: )?Unknown Adobe color transform code \d+$/,
  /^(?:VipsJpeg: )?Warning: unknown JFIF revision number [\d.]+$/,
  /^(?:VipsJpeg: )?Inconsistent progression sequence for component \d+ coefficient \d+$/,
  /^(?:VipsJpeg: )?Invalid SOS parameters for sequential JPEG$/,
  /^(?:VipsJpeg: )?Corrupt JPEG data: bad ICC marker$/,
];

/** Some cameras leave a few bytes more than there are pixels; more are of pixels that were lost. */
const FEW = 16;

/** Whether all that is complained of in a JPEG leaves its pixels as they are. */
export function isHarmless(complaint: string, bytes: Uint8Array): boolean {
  const lines = complaint.trim().split(/\s*\n\s*/);
  return lines.every((line) => HARMLESS.some((pattern) => pattern.test(line)) || isPadding(line, bytes));
}

/** Bytes before the end that are few, or all alike. */
function isPadding(line: string, bytes: Uint8Array): boolean {
  const count = Number(
    /Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9$/.exec(line)?.[1] ?? Number.NaN,
  );
  if (Number.isNaN(count) || count <= FEW) return count <= FEW;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = file.lastIndexOf(Buffer.from([0xff, 0xd9]));
  const padding = file.subarray(Math.max(0, end - count), end);
  return padding.every((byte) => byte === padding[0]);
}
