import { InputError } from '../errors.ts';
import type { SkippedImage } from './decoding/decode-all.ts';
import type { Entry } from './folder.ts';
import {
  decodeFiles,
  type FilesDecodeOptions,
  type ImageFiles,
  limitFiles,
  selectFiles,
} from './image-files.ts';
import { listImageFolder } from './image-folder.ts';
import { readImageList, splitsByPart } from './image-list.ts';
import type { Images } from './image-set.ts';
import { type LeftOut, leftOutOf, nothingLeftOut } from './left-out.ts';
import { countPerClass } from './limit.ts';
import { partFolders } from './part-folders.ts';
import { range } from './select.ts';
import { splitPerClass } from './split.ts';

const TRAINING_SHARE = 0.8;

/** The images to train with and to validate with, not yet decoded. */
export interface TrainAndValid {
  train: ImageFiles;
  valid: ImageFiles;
  /** For people, where the latter come from. */
  validation: string;
  /** What lies beside both. */
  leftOut: LeftOut;
  /** The share that was held out of each class, where that was done; by name. */
  heldOut: HeldOut[] | null;
}

/** How many of a class's images were held out to validate with. */
export interface HeldOut {
  name: string;
  valid: number;
  total: number;
}

/**
 * Lists `train/<class>/*` and `valid/<class>/*` (or `val`, or `test`, and the like: `parts.ts`). Where there is no validation
 * folder, a fifth of each class is held out; where there is no `train`, the classes lie in `directory`.
 *
 * @param seed draws what is held out
 * @throws what `partFolders`, `listImageFolder` and `splitPerClass` throw
 */
export async function listTrainAndValid(directory: string, seed: number): Promise<TrainAndValid> {
  const parts = await partFolders(directory);
  if (parts === null) return holdOut(await listImageFolder(directory), seed);
  const { train, valid, unused } = parts;
  if (train === null) {
    const others = (valid as Entry).name;
    const message = `${directory} holds ${others}, but no folder to train with; expected train/<class>/<image>.`;
    throw new InputError('DATA_INVALID', message);
  }
  const all = await listImageFolder(train.path);
  const beside = { ...nothingLeftOut(), unused };
  if (valid === null) return holdOut(all, seed, { where: ` of ${train.name}/`, beside });
  const known = await listImageFolder(valid.path, all.classes);
  return withoutHoldingOut(all, known, `${valid.name}/`, beside);
}

/**
 * The images of a list: by its splits, or with a fifth of each class held out.
 *
 * @throws what `readImageList` and `splitPerClass` throw; InputError `DATA_INVALID` for splits without one to train with
 */
export async function readTrainAndValid(list: string, seed: number): Promise<TrainAndValid> {
  const splits = await readImageList(list);
  const plain = splits.get(null);
  if (plain) return holdOut(plain, seed);
  const { train, valid, unused } = splitsByPart(list, splits);
  if (train === null) {
    const names = [...splits.keys()].join(', ');
    const message = `${list} has no images of the split train, only of ${names}.`;
    throw new InputError('DATA_INVALID', message);
  }
  const beside = { ...nothingLeftOut(), unused };
  if (valid === null) return holdOut(train.images, seed, { beside });
  requireTrained(list, train.images, valid.images);
  return withoutHoldingOut(train.images, valid.images, `the split ${valid.name}`, beside);
}

function withoutHoldingOut(
  train: ImageFiles,
  valid: ImageFiles,
  validation: string,
  beside: LeftOut,
): TrainAndValid {
  const leftOut = leftOutOf([train.leftOut, valid.leftOut, beside]);
  return { train, valid, validation, leftOut, heldOut: null };
}

function requireTrained(list: string, train: ImageFiles, valid: ImageFiles): void {
  const trained = new Set(train.labels);
  const missing = [...new Set(valid.labels)]
    .filter((label) => !trained.has(label))
    .map((label) => valid.classes[Number(label)]);
  if (missing.length === 0) return;
  const message = `${list} has images of ${missing.join(', ')} to validate with, but none to train with.`;
  throw new InputError('DATA_INVALID', message);
}

function holdOut(
  all: ImageFiles,
  seed: number,
  { where = '', beside = nothingLeftOut() }: { where?: string; beside?: LeftOut } = {},
): TrainAndValid {
  const [first, rest] = splitPerClass(all.labels, TRAINING_SHARE, seed);
  const train = selectFiles(all, first);
  const valid = selectFiles(all, rest);
  const totals = countsOf(all);
  const counts = countsOf(valid);
  return {
    train,
    valid,
    validation: `a fifth of each class${where}, drawn with seed ${seed}`,
    leftOut: leftOutOf([all.leftOut, beside]),
    heldOut: all.classes.map((name, label) => ({
      name,
      valid: counts[label] as number,
      total: totals[label] as number,
    })),
  };
}

function countsOf({ classes, labels }: ImageFiles): number[] {
  return countPerClass(labels, classes.length);
}

/** At most so many of each, spread evenly over the classes. */
export function limitTrainAndValid(
  { train, valid, ...origin }: TrainAndValid,
  limits: { train?: number | undefined; valid?: number | undefined },
): TrainAndValid {
  return { ...origin, train: limitFiles(train, limits.train), valid: limitFiles(valid, limits.valid) };
}

/**
 * Both parts, decoded.
 *
 * @param source the folder or list that they are from
 * @throws what `decodeFiles` throws
 */
export async function decodeTrainAndValid(
  source: string,
  { train, valid, validation, leftOut, heldOut }: TrainAndValid,
  decoding: FilesDecodeOptions,
): Promise<{
  classes: readonly string[];
  train: Images;
  valid: Images;
  validation: string;
  skipped: SkippedImage[];
  leftOut: LeftOut;
  heldOut: HeldOut[] | null;
}> {
  // In one go, so that an error names all images that cannot be decoded.
  const files = [...train.files, ...valid.files];
  const labels = BigInt64Array.from([...train.labels, ...valid.labels]);
  const { set, kept, skipped } = await decodeFiles({ ...train, source, files, labels }, decoding);
  const trained = kept.filter((index) => index < train.files.length).length;
  if (trained === 0 || trained === kept.length) {
    const none = trained === 0 ? 'training' : 'validation';
    throw new InputError('DATA_INVALID', `No ${none} image in ${source} can be decoded.`);
  }
  return {
    classes: train.classes,
    train: range(set, 0, trained),
    valid: range(set, trained, kept.length),
    validation,
    skipped,
    leftOut,
    heldOut,
  };
}
