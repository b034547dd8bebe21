import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../errors.ts';
import type { Resize } from '../options/resize.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { unreadable } from '../support/files.ts';
import { listed } from '../support/format.ts';
import { nearest } from '../support/nearest.ts';
import { kindOf } from '../support/regular-file.ts';
import { storedPath } from '../support/stored-path.ts';
import { ARCHIVE, unpackedCifar10 } from './cifar10/archive.ts';
import { holdsBatches, readCifar10 } from './cifar10/read.ts';
import type { SkippedImage } from './decoding/decode-all.ts';
import { ofKind, readFolder } from './folder.ts';
import type { FilesDecodeOptions, ImageFiles } from './image-files.ts';
import { listImageFolder } from './image-folder.ts';
import { isListName, readImageList, splitsByPart } from './image-list.ts';
import type { ImageSet, Images } from './image-set.ts';
import { type LeftOut, nothingLeftOut } from './left-out.ts';
import { limitPerClass } from './limit.ts';
import { partFolders } from './part-folders.ts';
import { TEST_PARTS } from './parts.ts';
import { range } from './select.ts';
import {
  decodeTrainAndValid,
  type HeldOut,
  limitTrainAndValid,
  listTrainAndValid,
  noFolds,
  readTrainAndValid,
  type TrainAndValid,
  type Validation,
} from './train-and-valid.ts';

/** Opened training and validation data, with what results record about it. */
export interface OpenedData {
  /** `cifar10`, `cifar10-sample`, or the name of a folder or list of images. */
  name: string;
  /** The absolute path, or `embedded sample`. */
  source: string;
  classes: readonly string[];
  train: Images;
  /** Empty if nothing is validated. */
  valid: Images;
  /** Where the validation images come from, as a phrase for people. */
  validation: string;
  /** How the images were made square; null if they were square already. */
  resize: Resize | null;
  /** Images that were skipped because they cannot be decoded. */
  skipped: readonly SkippedImage[];
  /** Files, folders and links that are not part of the data. */
  leftOut: LeftOut;
  /** The held-out images per class; null if the data has its own validation images, or nothing is validated. */
  heldOut: HeldOut[] | null;
}

/** Data whose images are not yet decoded. */
export interface ListedData extends Pick<OpenedData, 'name' | 'source' | 'classes' | 'resize'> {
  /** Labels of the training images: int64, indices into the classes. */
  labels: BigInt64Array;
  /** Decodes the images. */
  open(): Promise<OpenedData>;
}

export interface DataOptions extends Omit<FilesDecodeOptions, 'imageSize' | 'resize'> {
  /** Side of the images in pixels. Required for a folder or list; CIFAR-10 keeps its own size. */
  imageSize?: number | undefined;
  /** How images of a folder or list are made square; default `cover`. */
  resize?: Resize | undefined;
  /** Maximum numbers of images, balanced across classes. */
  limits?: { train?: number | undefined; valid?: number | undefined };
  /** Seed for choosing the validation images if a folder or list has none; default 0. */
  seed?: number;
  /** Whether there are to be validation images; default `auto`. */
  validation?: Validation;
}

/** The names that `--data` accepts in addition to paths. */
export const DATA_NAMES: readonly string[] = ['auto', 'sample'];

const SUPPORTED =
  "supported are CIFAR-10's official batches, binary (data_batch_*.bin, test_batch.bin) or for Python " +
  '(data_batch_*, test_batch), their archives (cifar-10-binary.tar.gz), folders of images (train/<class>/* or ' +
  '<class>/*), and lists of images (.csv or .jsonl with path and label)';

/**
 * Opens the data that `--data` names.
 *
 * @param spec a directory of CIFAR-10's official batches, or of `train/<class>/*` and
 *   `valid|val|test/<class>/*`; a list of images; `sample` for the embedded sample; or `auto` for the directory in
 *   `TORCH_TL_DATA`, else the downloaded CIFAR-10, else the sample
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID` with the absolute path, or `INVALID_ARGUMENT`
 */
export async function openData(spec: string, options: DataOptions = {}): Promise<OpenedData> {
  return (await listData(spec, options)).open();
}

/**
 * As `openData`, but checks everything that does not need decoding, and decodes only when `open` is called.
 *
 * @throws as `openData`
 */
export async function listData(spec: string, options: DataOptions = {}): Promise<ListedData> {
  if (spec === 'sample') return listSample(options);
  if (spec !== 'auto') return listDirectory(spec, options);
  if (process.env.TORCH_TL_DATA) return listDirectory(process.env.TORCH_TL_DATA, options);
  const downloaded = join(cacheDirectory(), 'cifar10');
  return (await isDirectory(downloaded)) ? listDirectory(downloaded, options) : listSample(options);
}

/**
 * Lists the images of a folder or list without decoding them.
 *
 * @param seed for choosing the held-out validation images if there is no validation folder or split
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID` with the absolute path, also for a single class
 */
export async function listImages(
  spec: string,
  seed: number,
  validation: Validation = 'auto',
): Promise<TrainAndValid> {
  const source = await storedPath(resolve(spec));
  const images = await listSource(source, seed, validation);
  requireTwoClasses(source, images.train.classes);
  return images;
}

/** Whether `--data` names a folder or list of images, and not CIFAR-10. */
export async function holdsImages(spec: string): Promise<boolean> {
  if (DATA_NAMES.includes(spec) || ARCHIVE.test(basename(spec))) return false;
  const source = resolve(spec);
  if (await isList(source)) return true;
  return (await isDirectory(source)) && isFolderOfImages(source, await list(source));
}

async function listSource(source: string, seed: number, validation: Validation): Promise<TrainAndValid> {
  if (await isList(source)) return readTrainAndValid(source, seed, validation);
  if (!(await isDirectory(source))) throw await notFound(source);
  const names = await list(source);
  if (await isFolderOfImages(source, names)) return listTrainAndValid(source, seed, validation);
  throw await withoutFolders(source);
}

/** Images for testing a model, not yet decoded. */
export interface TestImages {
  images: ImageFiles;
  /** Which of the data they are, as a phrase for people. */
  which: string;
}

/**
 * Lists the images for testing a model: those of the test part of a folder or list, else of the validation part, or all
 * if it has no parts. Null if they would have to be held out of the training images, and for CIFAR-10.
 */
export async function listTestImages(spec: string): Promise<TestImages | null> {
  if (DATA_NAMES.includes(spec) || ARCHIVE.test(basename(spec))) return null;
  const source = await storedPath(resolve(spec));
  if (await isList(source)) return testSplit(source);
  if (!(await isDirectory(source))) throw await notFound(source, DATA_NAMES);
  const names = await list(source);
  if (!(await isFolderOfImages(source, names))) return null;
  const parts = await partFolders(source, TEST_PARTS);
  if (parts === null) return { images: await listImageFolder(source), which: ALL };
  const { valid: test, train, unused } = parts;
  if (test === null) return null;
  const others = [...(train ? [train.path] : []), ...unused].map((path) => `${basename(path)}/`);
  return { images: await listImageFolder(test.path), which: chosen(`${test.name}/`, others) };
}

/** All images of data without parts. */
const ALL = 'all of them';

async function testSplit(list: string): Promise<TestImages | null> {
  const splits = await readImageList(list);
  const plain = splits.get(null);
  if (plain) return { images: plain, which: ALL };
  const { valid: test, train, unused } = splitsByPart(list, splits, TEST_PARTS);
  if (test === null) return null;
  const others = [...(train ? [train.name] : []), ...unused];
  return { images: test.images, which: chosen(`the split ${test.name}`, others) };
}

/** What is used and what is not, as a phrase for people. */
function chosen(used: string, others: readonly string[]): string {
  return others.length === 0 ? used : `${used}, not ${listed(others)}`;
}

function requireTwoClasses(source: string, classes: readonly string[]): void {
  if (classes.length >= 2) return;
  throw new InputError(
    'DATA_INVALID',
    `${source} contains only one class, '${classes[0]}'; at least 2 are needed.`,
  );
}

async function listSample(options: DataOptions): Promise<ListedData> {
  const directory = fileURLToPath(new URL('../../assets/cifar10-sample', import.meta.url));
  return listCifar10(directory, { name: 'cifar10-sample', source: 'embedded sample' }, options);
}

async function listDirectory(spec: string, options: DataOptions): Promise<ListedData> {
  const source = await storedPath(resolve(spec));
  if (await isList(source)) return listFiles(source, readTrainAndValid, options);
  const archive = ARCHIVE.test(basename(source)) ? await findFile(source) : null;
  if (archive !== null) return listArchive(archive, options);
  if (!(await isDirectory(source))) throw await notFound(source, DATA_NAMES);
  const names = await list(source);
  if (await isFolderOfImages(source, names)) {
    return listFiles(source, listTrainAndValid, options);
  }
  const inside = holdsBatches(names) ? undefined : names.find((name) => ARCHIVE.test(name));
  if (inside !== undefined) return listArchive(join(source, inside), options);
  refuseArchives(source, names);
  if (!holdsPartOfCifar10(names)) throw await withoutFolders(source);
  return listCifar10(source, { name: 'cifar10', source }, options);
}

async function listCifar10(
  directory: string,
  origin: { name: string; source: string },
  { limits = {}, validation: wanted }: DataOptions,
): Promise<ListedData> {
  const { classes, train, valid, validation } = await readCifar10(directory, await list(directory));
  if (wanted === 'folds') throw noFolds(origin.source, validation);
  const none = wanted === 'none';
  const limited = (set: ImageSet, limit: number | undefined) =>
    limit === undefined ? set : limitPerClass(set, limit);
  const opened: OpenedData = {
    ...origin,
    classes,
    train: limited(train, limits.train),
    valid: none ? range(valid, 0, 0) : limited(valid, limits.valid),
    validation: none ? `no validation: ${validation} is not used` : validation,
    resize: null,
    skipped: [],
    leftOut: nothingLeftOut(),
    heldOut: null,
  };
  return { ...origin, classes, resize: null, labels: opened.train.labels, open: async () => opened };
}

async function listFiles(
  source: string,
  list: (source: string, seed: number, validation?: Validation) => Promise<TrainAndValid>,
  options: DataOptions,
): Promise<ListedData> {
  const { imageSize, resize = 'cover', limits = {}, seed = 0, validation, ...control } = options;
  if (imageSize === undefined) {
    const help = 'read them with Dataset.fromFolder or fromList, which accept an imageSize';
    throw new InputError('DATA_INVALID', `${source} contains images of different sizes; ${help}.`);
  }
  const listed = limitTrainAndValid(await list(source, seed, validation), limits);
  const { classes, labels } = listed.train;
  const origin = { name: basename(source), source, resize };
  const decoding = { ...control, imageSize, resize };
  const open = async () => ({ ...origin, ...(await decodeTrainAndValid(source, listed, decoding)) });
  return { ...origin, classes, labels, open };
}

/** The batches in an official archive of CIFAR-10. */
async function listArchive(archive: string, options: DataOptions): Promise<ListedData> {
  return listCifar10(await unpackedCifar10(archive), { name: 'cifar10', source: archive }, options);
}

async function findFile(path: string): Promise<string | null> {
  const info = await stat(path).catch(() => null);
  return info?.isFile() ? path : null;
}

async function isList(path: string): Promise<boolean> {
  return isListName(path) && (await findFile(path)) !== null;
}

/** Whether a path is a directory; false if it does not exist. Throws for anything else. */
async function isDirectory(path: string): Promise<boolean> {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return null;
    throw unreadable(path, cause, 'DATA_INVALID');
  });
  if (info === null || info.isDirectory()) return info !== null;
  const kind = info.isFile() ? 'a file of an unknown kind' : kindOf(info);
  throw new InputError('DATA_INVALID', `${path} is ${kind}; ${SUPPORTED}.`);
}

/** @param names suggestions in addition to the neighbours of `path` */
async function notFound(path: string, names: readonly string[] = []): Promise<InputError> {
  const siblings = await readdir(dirname(path)).catch((): string[] => []);
  const meant = nearest(basename(path), [...names, ...siblings]);
  const hint = meant ? ` Did you mean '${meant}'?` : '';
  return new InputError('DATA_NOT_FOUND', `The data directory ${path} does not exist.${hint}`);
}

async function list(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw unreadable(directory, cause, 'DATA_INVALID');
  }
}

/** Whether a directory has subfolders, and neither CIFAR-10's batches nor an archive. */
async function isFolderOfImages(directory: string, names: string[]): Promise<boolean> {
  if (holdsBatches(names) || packed(names)) return false;
  return ofKind(await readFolder(directory), 'folder').length > 0;
}

/** Whether any of CIFAR-10's files is there, so that it is worth saying which is missing. */
function holdsPartOfCifar10(names: string[]): boolean {
  return holdsBatches(names) || names.some((name) => /^(test_batch|batches\.meta)/i.test(name));
}

/** The error for a directory without folders of images, which says what there is instead. */
async function withoutFolders(directory: string): Promise<InputError> {
  const entries = await readFolder(directory);
  const isLoose = ofKind(entries, 'image').length > 0;
  const problem = isLoose ? 'contains images, but in no folder of a class' : 'contains no folders of images';
  const expected =
    'expected <class>/<image>, the same under train/ and valid/, or a list (.csv) with the path and label of each image';
  return new InputError(
    'DATA_NOT_FOUND',
    `${directory} ${entries.length === 0 ? 'is empty' : problem}; ${expected}.`,
  );
}

/** Says that the data is still in an archive, which helps more than the name of a missing file. */
function refuseArchives(directory: string, names: string[]): void {
  const archive = holdsBatches(names) ? undefined : packed(names);
  if (archive === undefined) return;
  const problem = `contains an archive, ${archive}, which has to be unpacked first`;
  throw new InputError('DATA_INVALID', `${directory} ${problem}; ${SUPPORTED}.`);
}

function packed(names: string[]): string | undefined {
  return names.find((name) => /\.(tar|tar\.gz|tgz|tar\.xz|zip)$/i.test(name));
}
