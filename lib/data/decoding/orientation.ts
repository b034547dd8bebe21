import type { Metadata, Sharp } from 'sharp';
import { ORIENTATION, tiffTags } from './tiff-tags.ts';

/** EXIF's orientations as a horizontal mirroring followed by a clockwise rotation in degrees. */
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
 * The orientation that sharp does not see, or null: from EXIF data in a PNG's text chunk, or from XMP if EXIF has none.
 * Pillow's `ImageOps.exif_transpose` reads the same places.
 */
export function hiddenOrientation(
  { format, orientation, comments = [], xmp }: Metadata,
  bytes: Uint8Array,
): number | null {
  // sharp reports 1 for a TIFF file without an orientation.
  const known = format === 'tiff' ? tiffTags(bytes).get(ORIENTATION) : orientation;
  if (known !== undefined) return null;
  const text = comments.find(({ keyword }) => keyword === 'Raw profile type exif')?.text;
  const found = (text === undefined ? undefined : orientationOf(text)) ?? orientationIn(xmp);
  return found !== undefined && found in TURNS ? found : null;
}

/** Whether an image of this orientation lies on its side, so that width and height change places. */
export function isTurned(orientation: number): boolean {
  const [degrees] = TURNS[orientation] ?? [0];
  return degrees % 180 !== 0;
}

/** Rotates an image upright. */
export function turned(image: Sharp, orientation: number): Sharp {
  const [degrees, mirrored] = TURNS[orientation] ?? [0, false];
  // sharp mirrors before it rotates, whatever the order of the calls.
  return image.flop(mirrored).rotate(degrees);
}

/** Orientation in EXIF data in ImageMagick's text form: a name, a length and hexadecimal digits. */
function orientationOf(text: string): number | undefined {
  const bytes = Buffer.from(text.split('\n').slice(3).join(''), 'hex');
  const hasPrefix = bytes.subarray(0, 6).toString('latin1') === 'Exif\0\0';
  return tiffTags(hasPrefix ? bytes.subarray(6) : bytes).get(ORIENTATION);
}

function orientationIn(xmp: Buffer | undefined): number | undefined {
  const digit = xmp?.toString('latin1').match(/tiff:Orientation(?:="|>)(\d)/)?.[1];
  return digit === undefined ? undefined : Number(digit);
}
