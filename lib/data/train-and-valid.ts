import { join } from 'node:path';
import { InputError } from '../errors.ts';
import type { SkippedPicture } from './decode-all.ts';
import {
  decodeFiles,
  type FilesDecodeOptions,
  limitFiles,
  type PictureFiles,
  selectFiles,
} from './picture-files.ts';
import { listPictureFolder, VALID_NAMES } from './picture-folder.ts';
import { readPictureList } from './picture-list.ts';
import type { Pictures } from './picture-set.ts';
import { range } from './select.ts';
import { splitPerClass } from './split.ts';

const TRAINING_SHARE = 0.8;

/** The pictures to train with and to validate with, not yet decoded. */
export interface TrainAndValid {
  train: PictureFiles;
  valid: PictureFiles;
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
  const validName = hasTrain ? validNameAmong(names) : undefined;
  if (validName === undefined) return holdOut(all, seed, hasTrain ? ' of train/' : '');
  const valid = await listPictureFolder(join(directory, validName), all.classes);
  return { train: all, valid, validation: `${validName}/` };
}

/**
 * The pictures of a list: by its splits, or with a fifth of each class held out.
 *
 * @throws what `readPictureList` and `splitPerClass` throw; InputError `DATA_INVALID` for splits without one to train with
 */
export async function readTrainAndValid(list: string, seed: number): Promise<TrainAndValid> {
  const splits = await readPictureList(list);
  const all = splits.get(null) ?? splits.get('train');
  const names = [...splits.keys()].filter((name) => name !== null);
  if (!all) {
    const message = `${list} has no pictures of the split train, only of ${names.join(', ')}.`;
    throw new InputError('DATA_INVALID', message);
  }
  const validName = validNameAmong(names);
  const valid = validName === undefined ? undefined : splits.get(validName);
  if (!valid) return holdOut(all, seed);
  requireTrained(list, all, valid);
  return { train: all, valid, validation: `the split ${validName}` };
}

function requireTrained(list: string, train: PictureFiles, valid: PictureFiles): void {
  const trained = new Set(train.labels);
  const missing = [...new Set(valid.labels)]
    .filter((label) => !trained.has(label))
    .map((label) => valid.classes[Number(label)]);
  if (missing.length === 0) return;
  const message = `${list} has pictures of ${missing.join(', ')} to validate with, but none to train with.`;
  throw new InputError('DATA_INVALID', message);
}

/** The first that validation pictures may be called by. */
export function validNameAmong(names: readonly string[]): string | undefined {
  return VALID_NAMES.find((name) => names.includes(name));
}

function holdOut(all: PictureFiles, seed: number, where = ''): TrainAndValid {
  const [first, rest] = splitPerClass(all.labels, TRAINING_SHARE, seed);
  const validation = `a fifth of each class${where}, drawn with seed ${seed}`;
  return { train: selectFiles(all, first), valid: selectFiles(all, rest), validation };
}

/**
 * Both parts, decoded.
 *
 * @param source the folder or list that they are from
 * @throws what `decodeFiles` throws
 */
export async function openTrainAndValid(
  source: string,
  { train, valid, validation }: TrainAndValid,
  limits: { train?: number | undefined; valid?: number | undefined },
  decoding: FilesDecodeOptions,
): Promise<{
  classes: readonly string[];
  train: Pictures;
  valid: Pictures;
  validation: string;
  skipped: SkippedPicture[];
}> {
  const first = limitFiles(train, limits.train);
  const rest = limitFiles(valid, limits.valid);
  // In one go, so that an error names all pictures that cannot be decoded.
  const files = [...first.files, ...rest.files];
  const labels = BigInt64Array.from([...first.labels, ...rest.labels]);
  const { set, kept, skipped } = await decodeFiles({ ...train, source, files, labels }, decoding);
  const trained = kept.filter((index) => index < first.files.length).length;
  if (trained === 0 || trained === kept.length) {
    const none = trained === 0 ? 'training' : 'validation';
    throw new InputError('DATA_INVALID', `No ${none} picture in ${source} can be decoded.`);
  }
  return {
    classes: train.classes,
    train: range(set, 0, trained),
    valid: range(set, trained, kept.length),
    validation,
    skipped,
  };
}
