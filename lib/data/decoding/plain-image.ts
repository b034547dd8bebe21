import type { Sharp, SharpConstructor, SharpOptions } from 'sharp';
import { ImageProblem } from './complaint.ts';
import { hiddenOrientation, turned } from './orientation.ts';
import { sampleScale } from './samples.ts';

const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'];

export const READABLE_FORMATS = 'JPEG, PNG, WebP, GIF, TIFF and AVIF';

/**
 * An encoded image, which sharp then takes for what it is: where it would not, in a plainer form, as a PNG of 8 bits.
 *
 * @throws ImageProblem for a format that is not read, or samples whose range is not known; sharp's errors
 */
export async function plainImage(
  sharp: SharpConstructor,
  bytes: Uint8Array,
  options: SharpOptions,
): Promise<Sharp> {
  const again = async (image: Sharp) => sharp(await image.png({ compressionLevel: 0 }).toBuffer(), options);
  let image = sharp(bytes, options);
  const metadata = await image.metadata();
  const { format, depth, hasProfile, space } = metadata;
  if (!FORMATS.includes(format)) {
    throw new ImageProblem(`its format, ${format}, is not among those that are read: ${READABLE_FORMATS}`);
  }
  const scale = await sampleScale(image, metadata, bytes);
  if (scale !== 1) {
    const factors = new Array<number>(metadata.channels).fill(scale);
    const offsets = factors.map(() => 0);
    image = await again(image.autoOrient().linear(factors, offsets));
  } else if (depth === 'ushort' && hasProfile) {
    // At 16 bits sharp leaves colours in a wide gamut, and the profile of grey aside.
    const eightBits = image.autoOrient().keepIccProfile();
    image = await again(eightBits.toColourspace(space === 'grey16' ? 'b-w' : 'srgb'));
  }
  const orientation = hiddenOrientation(metadata, bytes);
  return orientation === null ? image : again(turned(image, orientation));
}
