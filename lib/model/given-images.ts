import { Dataset } from '../data/dataset.ts';
import { type Picture, requirePictures } from '../data/decoding/decode.ts';
import { decodeAll, type SkippedPicture, skippedOf, undecodable } from '../data/decoding/decode-all.ts';
import { select } from '../data/select.ts';
import { callback, flag } from '../options/index.ts';
import type { Resize } from '../options/resize.ts';

/** What is done about pictures of the caller's that cannot be decoded. */
export const skipOptions = {
  skipCorrupt: flag()
    .default(false)
    .describe(
      'leaves out the pictures that cannot be decoded, which `onSkipped` hears of; else they are an error',
    ),
  onSkipped: callback<(skipped: readonly SkippedInput[]) => void>().describe(
    'hears which pictures were left out, where any were',
  ),
};

/** A picture that was left out, and why. */
export interface SkippedInput extends SkippedPicture {
  /** Its place among those given. */
  index: number;
}

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

export interface GivenPicturesControl {
  signal: AbortSignal;
  skipCorrupt: boolean;
  onSkipped?: ((skipped: readonly SkippedInput[]) => void) | undefined;
}

/**
 * Decodes pictures as a model of this shape needs them, and works with them.
 *
 * @param labels int64, one a picture, for the engine
 * @param work has the pictures until its promise is settled, and hears which of those given they are
 * @returns what `work` gives; null where no picture is left
 * @throws what `decodePictures`, `work` and `onSkipped` throw
 */
export async function withPictures<Result>(
  pictures: readonly Picture[],
  labels: BigInt64Array,
  { classes, imageSize, resize }: ModelShape,
  { signal, skipCorrupt, onSkipped }: GivenPicturesControl,
  work: (data: Dataset, kept: readonly number[]) => Promise<Result>,
): Promise<Result | null> {
  const { pixels, failures } = await decodeAll(pictures, { imageSize, resize, signal });
  if (failures.size > 0) {
    if (!skipCorrupt) throw undecodable(failures, pictures);
    const indices = [...failures.keys()].sort((a, b) => a - b);
    onSkipped?.(
      skippedOf(failures, pictures).map((skipped, place) => ({
        index: indices[place] as number,
        ...skipped,
      })),
    );
  }
  const kept = [...pictures.keys()].filter((index) => !failures.has(index));
  if (kept.length === 0) return null;
  const origin = { name: 'inputs', source: 'pictures given by the program', classes, resize };
  const size = { count: pictures.length, height: imageSize, width: imageSize };
  const all = { pixels, labels, ...size };
  const data = Dataset.of(origin, failures.size === 0 ? all : select(all, kept));
  try {
    return await work(data, kept);
  } finally {
    data.dispose();
  }
}
