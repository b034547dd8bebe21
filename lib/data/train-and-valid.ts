import { InputError } from '../errors.ts';
import type { SkippedImage } from './decoding/decode-all.ts';
import { fileTwinKeys } from './file-twins.ts';
import type { Entry } from './folder.ts';
import {
  decodeFiles,
  type FilesDecodeOptions,
  type ImageFiles,
  limitFiles,
  requireSomeOfEach,
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
import { unitsOf } from './units.ts';

const TRAINING_SHARE = 0.8;

/** Training and validation images that are not yet decoded. */
export interface TrainAndValid {
  train: ImageFiles;
  /** Empty if nothing is validated. */
  valid: ImageFiles;
  /** Where the validation images come from, as a phrase for people. */
  validation: string;
  /** Files, folders and links that are not used. */
  leftOut: LeftOut;
  /** The held-out images per class; null if the data has its own validation images, or nothing is validated. */
  heldOut: HeldOut[] | null;
}

/**
 * `none` validates nothing: the data's validation images are not used, and no others are held out. `folds` holds none
 * out either, and refuses data with validation images of its own.
 */
export type Validation = 'auto' | 'none' | 'folds';

/** Number of images of a class that were held out for validation, and of all its images. */
export interface HeldOut {
  name: string;
  valid: number;
  total: number;
}

/**
 * Lists `train/<class>/*` and `valid/<class>/*` (or `val`, `test` and similar names, see `parts.ts`). Without a
 * validation folder, a fifth of each class is held out; files with the same bytes stay together. Without parts, `directory` contains the class folders.
 *
 * @param seed for choosing the held-out images
 * @throws errors of `partFolders`, `listImageFolder` and `splitPerClass`
 */
export async function listTrainAndValid(
  directory: string,
  seed: number,
  validation: Validation = 'auto',
): Promise<TrainAndValid> {
  const parts = await partFolders(directory);
  if (parts === null) return divided(await listImageFolder(directory), seed, validation);
  const { train, valid, unused } = parts;
  if (train === null) {
    const others = (valid as Entry).name;
    const message = `${directory} contains ${others}, but no training folder; expected train/<class>/<image>.`;
    throw new InputError('DATA_INVALID', message);
  }
  const all = await listImageFolder(train.path);
  const beside = { ...nothingLeftOut(), unused };
  if (valid === null) return divided(all, seed, validation, { where: ` of ${train.name}/`, beside });
  if (validation === 'folds') throw noFolds(directory, `${valid.name}/`);
  if (validation === 'none') return withoutValidation(all, beside, `${valid.name}/`);
  const known = await listImageFolder(valid.path, all.classes);
  return withoutHoldingOut(all, known, `${valid.name}/`, beside);
}

/**
 * Reads the images of a list, divided by its splits, or with a fifth of each class held out for validation; groups
 * and files with the same bytes then stay together.
 *
 * @throws errors of `readImageList` and `splitPerClass`; InputError `DATA_INVALID` if no split is for training
 */
export async function readTrainAndValid(
  list: string,
  seed: number,
  validation: Validation = 'auto',
): Promise<TrainAndValid> {
  const splits = await readImageList(list);
  const plain = splits.get(null);
  if (plain) return divided(plain, seed, validation);
  const { train, valid, unused } = splitsByPart(list, splits);
  if (train === null) {
    const names = [...splits.keys()].join(', ');
    const message = `${list} has no split for training, only ${names}.`;
    throw new InputError('DATA_INVALID', message);
  }
  const beside = { ...nothingLeftOut(), unused };
  const trained = withClasses(train.images, train.images.labels);
  if (valid === null) return divided(trained, seed, validation, { beside });
  if (validation === 'folds') throw noFolds(list, `the split ${valid.name}`);
  if (validation === 'none') return withoutValidation(trained, beside, `the split ${valid.name}`);
  requireTrained(list, train.images, valid.images);
  const validated = withClasses(valid.images, train.images.labels);
  return withoutHoldingOut(trained, validated, `the split ${valid.name}`, beside);
}

/** The images, with those classes alone that `labels` has: splits that are not used may have others. */
function withClasses(images: ImageFiles, labels: BigInt64Array): ImageFiles {
  const present = new Set(labels);
  const kept = [...images.classes.keys()].map(BigInt).filter((label) => present.has(label));
  if (kept.length === images.classes.length) return images;
  const places = new Map(kept.map((label, place) => [label, BigInt(place)]));
  return {
    ...images,
    classes: kept.map((label) => images.classes[Number(label)] as string),
    labels: images.labels.map((label) => places.get(label) as bigint),
  };
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

function requireTrained(source: string, train: ImageFiles, valid: ImageFiles): void {
  const trained = new Set(train.labels);
  const missing = [...new Set(valid.labels)]
    .filter((label) => !trained.has(label))
    .map((label) => valid.classes[Number(label)]);
  if (missing.length === 0) return;
  const message = `${source} has validation images of ${missing.join(', ')}, but no training images.`;
  throw new InputError('DATA_INVALID', message);
}

/** Images for training alone; `unused` names the data's own validation images, if it has any. */
function withoutValidation(all: ImageFiles, beside: LeftOut, unused: string | null): TrainAndValid {
  const why = unused === null ? 'all images are trained on' : `${unused} is not used`;
  return {
    train: all,
    valid: selectFiles(all, []),
    validation: `no validation: ${why}`,
    leftOut: leftOutOf([all.leftOut, beside]),
    heldOut: null,
  };
}

/** The error for folds of data that has validation images. */
export function noFolds(source: string, validation: string): InputError {
  const said = (valid: string, folds: string) =>
    `${source} has validation images, ${validation}, but ${folds} validates on each training image in turn. ` +
    `Leave out ${folds} to validate on those images, or name the training images alone as ${valid}.`;
  return new InputError('INVALID_ARGUMENT', said('`data`', '`folds`'), {
    atCommandLine: said('--data', '--folds'),
  });
}

/** Data without validation images of its own. */
function divided(
  all: ImageFiles,
  seed: number,
  validation: Validation,
  origin: { where?: string; beside?: LeftOut } = {},
): TrainAndValid | Promise<TrainAndValid> {
  if (validation === 'auto') return holdOut(all, seed, origin);
  const whole = withoutValidation(all, origin.beside ?? nothingLeftOut(), null);
  return validation === 'none' ? whole : { ...whole, validation: 'each image in one of the folds' };
}

async function holdOut(
  all: ImageFiles,
  seed: number,
  { where = '', beside = nothingLeftOut() }: { where?: string; beside?: LeftOut } = {},
): Promise<TrainAndValid> {
  requireSeveralOfAny(all);
  const units = unitsOf(all.labels, { groups: all.groups, twins: await fileTwinKeys(all.files) });
  const [first, rest] = splitPerClass(all.labels, TRAINING_SHARE, seed, units);
  const train = selectFiles(all, first);
  const valid = selectFiles(all, rest);
  requireTrained(all.source, train, valid);
  const totals = countsOf(all);
  const counts = countsOf(valid);
  return {
    train,
    valid,
    validation: `a fifth of each class${where}, drawn with seed ${seed}${all.groups ? ', each group on one side' : ''}`,
    leftOut: leftOutOf([all.leftOut, beside]),
    heldOut: all.classes.map((name, label) => ({
      name,
      valid: counts[label] as number,
      total: totals[label] as number,
    })),
  };
}

/** @throws InputError `DATA_INVALID` if each class has one image, of which none can be for validation */
function requireSeveralOfAny({ source, classes, labels }: ImageFiles): void {
  if (countPerClass(labels, classes.length).some((count) => count > 1)) return;
  const said = (none: string) =>
    `${source} has one image of each class, and none of them for validation: each is needed for training. Add images, or ` +
    `validate nothing (${none}).`;
  throw new InputError('DATA_INVALID', said("`valid: 'none'`"), { atCommandLine: said('--valid none') });
}

/** The groups of several sets together; undefined if none has any. */
function groupsOf(parts: readonly ImageFiles[]): Array<string | null> | undefined {
  if (parts.every(({ groups }) => groups === undefined)) return undefined;
  return parts.flatMap(({ groups, files }) => groups ?? files.map(() => null));
}

function countsOf({ classes, labels }: ImageFiles): number[] {
  return countPerClass(labels, classes.length);
}

/** Limits the numbers of training and validation images, balanced across classes. */
export function limitTrainAndValid(
  { train, valid, ...origin }: TrainAndValid,
  limits: { train?: number | undefined; valid?: number | undefined },
): TrainAndValid {
  return { ...origin, train: limitFiles(train, limits.train), valid: limitFiles(valid, limits.valid) };
}

/**
 * Decodes the training and validation images.
 *
 * @param source the folder or list that they come from
 * @throws errors of `decodeFiles`
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
  // Both parts together, so that an error lists all images that cannot be decoded.
  const files = [...train.files, ...valid.files];
  const labels = BigInt64Array.from([...train.labels, ...valid.labels]);
  const groups = groupsOf([train, valid]);
  const { set, kept, skipped } = await decodeFiles(
    { ...train, source, files, labels, ...(groups && { groups }) },
    decoding,
  );
  const trained = kept.filter((index) => index < train.files.length).length;
  requireSomeOfEach({ ...train, source }, set.labels.subarray(0, trained), 'training image');
  if (valid.files.length > 0 && trained === kept.length) {
    throw new InputError('DATA_INVALID', `No validation image in ${source} can be decoded.`);
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
