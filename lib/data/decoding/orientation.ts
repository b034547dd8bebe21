import type { Metadata, Sharp } from 'sharp';
import { ORIENTATION, tiffTags } from './tiff-tags.ts';

/** What EXIF's orientations ask for: a mirror from left to right, and then a turn to the right in degrees. */
const TURNS: Record<number, [degrees: number, mirrored: boolean]> = {
  2: [0, true],
  3: [180, false],
  4: [180, true],
  5: [270, true],
  6: [90, false],
  7: [90, true],
  8: [270, false],
};

/**
 * The orientation that the decoder does not know of, where there is one: of EXIF data in a PNG's text, or of XMP where no
 * EXIF data tell any. Pillow's `ImageOps.exif_transpose` looks there too.
 */
export function hiddenOrientation(
  { format, orientation, comments = [], xmp }: Metadata,
  bytes: Uint8Array,
): number | null {
  // The decoder says 1 for a TIFF file that says nothing.
  const known = format === 'tiff' ? tiffTags(bytes).get(ORIENTATION) : orientation;
  if (known !== undefined) return null;
  const text = comments.find(({ keyword }) => keyword === 'Raw profile type exif')?.text;
  const found = (text === undefined ? undefined : orientationOf(text)) ?? orientationIn(xmp);
  return found !== undefined && found in TURNS ? found : null;
}

/** The same image upright. */
export function turned(image: Sharp, orientation: number): Sharp {
  const [degrees, mirrored] = TURNS[orientation] ?? [0, false];
  // In whichever order they are called, sharp mirrors first.
  return image.flop(mirrored).rotate(degrees);
}

/** ImageMagick's form: a name, a length, and hexadecimal digits. */
function orientationOf(text: string): number | undefined {
  const bytes = Buffer.from(text.split('\n').slice(3).join(''), 'hex');
  const hasPrefix = bytes.subarray(0, 6).toString('latin1') === 'Exif\0\0';
  return tiffTags(hasPrefix ? bytes.subarray(6) : bytes).get(ORIENTATION);
}

function orientationIn(xmp: Buffer | undefined): number | undefined {
  const digit = xmp?.toString('latin1').match(/tiff:Orientation(?:="|>)(\d)/)?.[1];
  return digit === undefined ? undefined : Number(digit);
}
