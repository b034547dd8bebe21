import { loadSharp } from './decode.ts';
import { ImageProblem, problemOf } from './decoder-message.ts';
import { hiddenOrientation, isTurned } from './orientation.ts';
import { requireFormat } from './plain-image.ts';
import type { Size } from './resize.ts';

/**
 * Reads the size of an encoded image from its header, as it is when the image is upright. No pixel is decoded, and any
 * size is accepted.
 *
 * @throws ImageProblem if the bytes are not an image in a supported format; TorchTlError `PLATFORM_UNSUPPORTED`
 */
export async function uprightSize(bytes: Uint8Array): Promise<Size> {
  const { default: sharp } = await loadSharp();
  try {
    const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
    requireFormat(metadata);
    const { width, height } = metadata.autoOrient;
    const orientation = hiddenOrientation(metadata, bytes);
    return orientation !== null && isTurned(orientation)
      ? { width: height, height: width }
      : { width, height };
  } catch (error) {
    if (error instanceof ImageProblem) throw error;
    throw new ImageProblem(problemOf((error as Error).message), { cause: error });
  }
}
