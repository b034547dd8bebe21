/*
 * Translates error messages of libvips and its codecs, which only experts understand, into plain sentences.
 */

/** A problem with an image. The message is the end of a sentence. */
export class ImageProblem extends Error {}

/** Problems by the first pattern that the decoder's message matches. */
const PROBLEMS: Array<[pattern: RegExp, problem: string]> = [
  [/buffer is empty/i, 'it is empty'],
  [
    /exceeds pixel limit|width or height exceeds|too large/i,
    'it has more than 268,435,456 pixels, the maximum',
  ],
  [/premature end|truncat|unexpected end|end of (?:file|stream|data)|not enough|ran out/i, 'it is truncated'],
  [
    /unsupported image format|not in a known format|is not a known/i,
    'it is not an image in a supported format',
  ],
  [/out of memory|unable to allocate|cannot allocate/i, 'there is not enough memory to decode it'],
];

const DAMAGED = 'it is damaged, or of an unsupported kind';

/** The problem that a decoder's message means. */
export function problemOf(message: string): string {
  return PROBLEMS.find(([pattern]) => pattern.test(message))?.[1] ?? DAMAGED;
}

/** Warnings of libjpeg for files in which no pixel is lost. */
const HARMLESS = [
  /^(?:VipsJpeg: )?Unknown Adobe color transform code \d+$/,
  /^(?:VipsJpeg: )?Warning: unknown JFIF revision number [\d.]+$/,
  /^(?:VipsJpeg: )?Inconsistent progression sequence for component \d+ coefficient \d+$/,
  /^(?:VipsJpeg: )?Invalid SOS parameters for sequential JPEG$/,
  /^(?:VipsJpeg: )?Corrupt JPEG data: bad ICC marker$/,
];

/** Largest number of extra bytes that some cameras write after the pixels. More bytes belong to lost pixels. */
const FEW = 16;

/** Whether all warnings in a decoder's message about a JPEG leave its pixels intact. */
export function isHarmless(message: string, bytes: Uint8Array): boolean {
  const lines = message.trim().split(/\s*\n\s*/);
  return lines.every((line) => HARMLESS.some((pattern) => pattern.test(line)) || isPadding(line, bytes));
}

/** Whether a warning is about extra bytes before the end that are few or all equal. */
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
