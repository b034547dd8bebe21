import { type Picture, requirePictures } from './data/decode.ts';
import { decodePictures } from './data/decode-all.ts';
import type { Resize } from './data/resize.ts';
import { Dataset } from './dataset.ts';

/** What pictures of the caller's are prepared for. */
export interface ModelShape {
  classes: readonly string[];
  imageSize: number;
  resize: Resize;
}

/**
 * One picture, or a list of them, as a list.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
export function pictureList(inputs: Picture | readonly Picture[]): readonly Picture[] {
  const pictures = Array.isArray(inputs) ? inputs : [inputs];
  requirePictures('inputs', pictures);
  return pictures;
}

/**
 * Decodes pictures as a model of this shape needs them, and works with them.
 *
 * @param labels int64, one a picture, for the engine
 * @param work has the pictures until its promise is settled
 * @throws what `decodePictures` and `work` throw
 */
export async function withPictures<Result>(
  pictures: readonly Picture[],
  labels: BigInt64Array,
  { classes, imageSize, resize }: ModelShape,
  signal: AbortSignal,
  work: (data: Dataset) => Promise<Result>,
): Promise<Result> {
  const pixels = await decodePictures(pictures, { imageSize, resize, signal });
  const origin = { name: 'inputs', source: 'pictures given by the program', classes, resize };
  const size = { count: pictures.length, height: imageSize, width: imageSize };
  const data = Dataset.of(origin, { pixels, labels, ...size });
  try {
    return await work(data);
  } finally {
    data.dispose();
  }
}
