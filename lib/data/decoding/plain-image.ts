import type { Metadata, Sharp, SharpConstructor, SharpOptions } from 'sharp';
import { ImageProblem } from './decoder-message.ts';
import { hiddenOrientation, turned } from './orientation.ts';
import { sampleScale } from './samples.ts';

const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'];

export const READABLE_FORMATS = 'JPEG, PNG, WebP, GIF, TIFF and AVIF';

/**
 * Opens an encoded image. Images whose range, colour profile or orientation sharp would misread are first converted to
 * an 8-bit PNG.
 *
 * @throws ImageProblem for an unsupported format or samples of unknown range; sharp's errors
 */
export async function plainImage(
  sharp: SharpConstructor,
  bytes: Uint8Array,
  options: SharpOptions,
): Promise<Sharp> {
  const again = async (image: Sharp) => sharp(await image.png({ compressionLevel: 0 }).toBuffer(), options);
  let image = sharp(bytes, options);
  const metadata = await image.metadata();
  requireFormat(metadata);
  const { depth, hasProfile, space } = metadata;
  const scale = await sampleScale(image, metadata, bytes);
  if (scale !== 1) {
    const factors = new Array<number>(metadata.channels).fill(scale);
    const offsets = factors.map(() => 0);
    image = await again(image.autoOrient().linear(factors, offsets));
  } else if (depth === 'ushort' && hasProfile) {
    // At 16 bits sharp would keep a wide gamut, and ignore the profile of grey images.
    const eightBits = image.autoOrient().keepIccProfile();
    image = await again(eightBits.toColourspace(space === 'grey16' ? 'b-w' : 'srgb'));
  }
  const orientation = hiddenOrientation(metadata, bytes);
  return orientation === null ? image : again(turned(image, orientation));
}

/** @throws ImageProblem for an unsupported format */
export function requireFormat({ format }: Metadata): void {
  if (FORMATS.includes(format)) return;
  throw new ImageProblem(`its format, ${format}, is not supported; supported are ${READABLE_FORMATS}`);
}
