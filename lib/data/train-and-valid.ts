import { join } from 'node:path';
import { InputError } from '../errors.ts';
import type { SkippedPicture } from './decode-all.ts';
import { indicesPerClass } from './limit.ts';
import {
  decodeFolder,
  type FolderDecodeOptions,
  listPictureFolder,
  type PictureFolder,
  selectFiles,
} from './picture-folder.ts';
import type { PictureSet } from './picture-set.ts';
import { splitPerClass } from './split.ts';

/** What the folder of the validation pictures may be called; of several the first is taken. */
export const VALID_FOLDERS = ['valid', 'val', 'test'];

const TRAINING_SHARE = 0.8;

/** The pictures to train with and to validate with, not yet decoded. */
export interface TrainAndValid {
  train: PictureFolder;
  valid: PictureFolder;
  /** For people, where the latter come from. */
  validation: string;
}

/**
 * Lists `train/<class>/*` and `valid/<class>/*` (or `val`, or `test`). Where there is no validation
 * folder, a fifth of each class is held out; where there is no `train`, the classes lie in `directory`.
 *
 * @param names what `directory` holds
 * @param seed draws what is held out
 * @throws what `listPictureFolder` and `splitPerClass` throw
 */
export async function listTrainAndValid(
  directory: string,
  names: readonly string[],
  seed: number,
): Promise<TrainAndValid> {
  const hasTrain = names.includes('train');
  const all = await listPictureFolder(hasTrain ? join(directory, 'train') : directory);
  const validName = hasTrain ? VALID_FOLDERS.find((name) => names.includes(name)) : undefined;
  if (validName !== undefined) {
    const valid = await listPictureFolder(join(directory, validName), all.classes);
    return { train: all, valid, validation: `${validName}/` };
  }
  const [first, rest] = splitPerClass(all.labels, TRAINING_SHARE, seed);
  const validation = `a fifth of each class${hasTrain ? ' of train/' : ''}, drawn with seed ${seed}`;
  return { train: selectFiles(all, first), valid: selectFiles(all, rest), validation };
}

/**
 * The same, decoded.
 *
 * @throws what `decodeFolder` throws
 */
export async function openTrainAndValid(
  { train, valid, validation }: TrainAndValid,
  limits: { train?: number | undefined; valid?: number | undefined },
  decoding: FolderDecodeOptions,
): Promise<{
  classes: readonly string[];
  train: PictureSet;
  valid: PictureSet;
  validation: string;
  skipped: SkippedPicture[];
}> {
  const first = limited(train, limits.train);
  const rest = limited(valid, limits.valid);
  // In one go, so that an error names all pictures that cannot be decoded.
  const files = [...first.files, ...rest.files];
  const labels = BigInt64Array.from([...first.labels, ...rest.labels]);
  const { set, kept, skipped } = await decodeFolder({ ...train, files, labels }, decoding);
  const trained = kept.filter((index) => index < first.files.length).length;
  if (trained === 0 || trained === kept.length) {
    const none = trained === 0 ? 'training' : 'validation';
    throw new InputError('DATA_INVALID', `No ${none} picture in ${train.directory} can be decoded.`);
  }
  return {
    classes: train.classes,
    train: part(set, 0, trained),
    valid: part(set, trained, kept.length),
    validation,
    skipped,
  };
}

/** Views of the pictures from one place to another. */
function part({ pixels, labels, count, height, width }: PictureSet, begin: number, end: number): PictureSet {
  const bytes = pixels.length / count;
  return {
    pixels: pixels.subarray(begin * bytes, end * bytes),
    labels: labels.subarray(begin, end),
    count: end - begin,
    height,
    width,
  };
}

function limited(folder: PictureFolder, limit: number | undefined): PictureFolder {
  return limit === undefined ? folder : selectFiles(folder, indicesPerClass(folder.labels, limit));
}
