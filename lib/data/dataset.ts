import { basename } from 'node:path';
import { z } from 'zod';
import type { NativeDataset } from '../engine/native.ts';
import { invalidArgument, TorchTlError } from '../errors.ts';
import type { CheckDocs, FolderDocs, ImagesDocs, ListDocs } from '../options/docs.ts';
import {
  abortSignal,
  cachePlace,
  callback,
  checkOptions,
  flag,
  imageSize,
  limit,
  resizing,
  text,
  wideSeed,
} from '../options/index.ts';
import type { Resize } from '../options/resize.ts';
import { isSameName, repeatedNames } from '../support/names.ts';
import { type CheckPhase, checkData, type DataCheck } from './check/check.ts';
import type { FeatureSource } from './check/near-twins.ts';
import { type ImageInput, requireImages } from './decoding/decode.ts';
import { decodeAll, type SkippedImage, skippedOf, undecodable } from './decoding/decode-all.ts';
import { pixelsAt } from './decoding/read-pixels.ts';
import {
  type DecodeReport,
  decodeFiles,
  type FilesDecodeOptions,
  type ImageFiles,
  limitFiles,
  requireSomeOfEach,
} from './image-files.ts';
import { listImageFolder } from './image-folder.ts';
import { readImageList, splitNamed } from './image-list.ts';
import type { Images } from './image-set.ts';
import { resolveLabels } from './labels.ts';
import { type LeftOut, nothingLeftOut } from './left-out.ts';
import { select } from './select.ts';
import { SharedImages } from './shared-images.ts';
import { openData } from './source.ts';
import { splitPerClass } from './split.ts';
import { findTwinKeys, twinKeys } from './twins.ts';
import { unitsOf } from './units.ts';

/** The origin of a data set. */
export interface DatasetOrigin {
  /** A name for people, such as `CIFAR-10`. */
  name: string;
  /** Where the data was read: a path, or `embedded sample`. */
  source: string;
  /** Class names; a label is an index into them. */
  classes: readonly string[];
  /** How the images were made square; null if they were square already. */
  resize: Resize | null;
  /** Images that were skipped because they cannot be decoded. */
  skipped?: readonly SkippedImage[];
  /** Files, folders and links that are not part of the data set. */
  leftOut?: LeftOut;
}

/** Labelled images. They are copied to a device as uint8 when they are first used there. */
export class Dataset {
  readonly name: string;
  readonly source: string;
  readonly classes: readonly string[];
  readonly count: number;
  /** The same as `count`, as arrays have it. */
  readonly length: number;
  /** Side of the stored images in pixels. */
  readonly imageSize: number;
  /** How the images were made square, which a model must do too; null if they were square already. */
  readonly resize: Resize | null;
  /** Images that were skipped because they cannot be decoded. */
  readonly skipped: readonly SkippedImage[];
  /** Files, folders and links in the folder that are not part of the data set, such as hidden files. */
  readonly leftOut: LeftOut;
  #images: SharedImages | null;

  private constructor(origin: DatasetOrigin, images: Images | SharedImages) {
    const shared = images instanceof SharedImages ? images : new SharedImages(images);
    this.name = origin.name;
    this.source = origin.source;
    this.classes = origin.classes;
    this.resize = origin.resize;
    this.skipped = origin.skipped ?? [];
    this.leftOut = origin.leftOut ?? nothingLeftOut();
    this.count = shared.set.count;
    this.length = this.count;
    this.imageSize = shared.set.height;
    shared.hold();
    this.#images = shared;
  }

  /** @internal */
  static of(origin: DatasetOrigin, images: Images): Dataset {
    return new Dataset(origin, images);
  }

  /**
   * CIFAR-10 as two data sets.
   *
   * @param data `auto` (the full set if it has been downloaded, else the embedded sample), `sample`, or a directory
   *   that holds the official batches
   * @param limits maximum numbers of images, balanced across classes
   * @throws InputError `DATA_NOT_FOUND`, `DATA_INVALID` or `INVALID_ARGUMENT`
   */
  static async cifar10(
    data = 'auto',
    limits: { train?: number | undefined; valid?: number | undefined } = {},
  ): Promise<{ train: Dataset; valid: Dataset }> {
    const { train, valid, ...origin } = await openData(data, { limits: checkOptions(limitOptions, limits) });
    return { train: Dataset.of(origin, train), valid: Dataset.of(origin, valid) };
  }

  /**
   * Reads the images of `directory/<class>/**`, decoded to sRGB and shrunk with antialiasing. Classes and images are in
   * the order of their names. Hidden files and files other than images are left out.
   *
   * Decoded images are stored in the cache directory. While the files do not change, later calls and trainings read
   * them from there.
   *
   * @throws InputError `INVALID_ARGUMENT`; `DATA_NOT_FOUND` if the folder does not exist or has no classes;
   *   `DATA_INVALID` for an empty class, a class that `like` does not have, and images that cannot be decoded, with
   *   their paths; the signal's reason after an abort; TorchTlError `OUT_OF_MEMORY`
   */
  static async fromFolder(directory: string, options: FolderOptions): Promise<Dataset> {
    if (typeof directory !== 'string') throw invalidArgument('directory', 'a path', directory);
    const checked = checkOptions(filesOptions, options);
    const decoding = decodingOf(checked);
    const files = await listImageFolder(directory, checked.like?.classes);
    return Dataset.fromFiles(limitFiles(files, checked.limit), decoding);
  }

  /**
   * Reads the images of a list, in its order, decoded as by `fromFolder`. A list is CSV (`.csv`) whose first line names
   * the columns `path`, `label` and optionally `split` and `group`, or JSON lines (`.jsonl`) with these fields. Paths
   * are relative to the list. Images of one group, such as a patient, must be in one split, and `split` keeps them
   * together.
   *
   * @throws as `fromFolder`; InputError `INVALID_ARGUMENT` for a `split` that the list does not have
   */
  static async fromList(list: string, options: ListOptions): Promise<Dataset> {
    if (typeof list !== 'string') throw invalidArgument('list', 'a path', list);
    const { split = null, ...checked } = checkOptions(listOptions, options);
    const decoding = decodingOf(checked);
    const splits = await readImageList(list, checked.like?.classes);
    return Dataset.fromFiles(limitFiles(splitNamed(splits, split), checked.limit), decoding);
  }

  /** @internal */
  static async fromFiles(files: ImageFiles, decoding: FilesDecodeOptions): Promise<Dataset> {
    const { source, classes, leftOut } = files;
    const { set, skipped } = await decodeFiles(files, decoding);
    const { resize } = decoding;
    return new Dataset({ name: basename(source), source, classes, resize, skipped, leftOut }, set);
  }

  /**
   * Makes a data set of images from the program: paths, encoded bytes or pixels.
   *
   * @param labels one per image: class names, or indices into `classes`
   * @throws InputError `INVALID_ARGUMENT`; `DATA_INVALID` for images that cannot be decoded, with their paths or
   *   indices; the signal's reason after an abort; TorchTlError `OUT_OF_MEMORY`
   */
  static async fromImages(
    images: readonly ImageInput[],
    labels: ReadonlyArray<string | number>,
    options: ImagesOptions,
  ): Promise<Dataset> {
    const { classes, name, skipCorrupt, ...decoding } = checkOptions(imagesOptions, options);
    const { imageSize, resize } = decoding;
    requireImages('images', images);
    if (images.length === 0) throw invalidArgument('images', 'a list of at least one image', images);
    if (!Array.isArray(labels) || labels.length !== images.length) {
      throw invalidArgument('labels', `a list of ${images.length} labels, one per image`, labels);
    }
    const known = resolveLabels(labels, classes);
    const { pixels, failures } = await decodeAll(images, decoding);
    const kept = [...images.keys()].filter((index) => !failures.has(index));
    if (failures.size > 0 && (!skipCorrupt || kept.length === 0)) throw undecodable(failures, images);
    const skipped = skippedOf(failures, images);
    const origin = { name, source: 'images given by the program', classes: known.classes, resize, skipped };
    const all = { pixels, labels: known.labels, count: images.length, height: imageSize, width: imageSize };
    const set = failures.size === 0 ? all : select(all, kept);
    requireSomeOfEach({ ...origin, labels: known.labels }, set.labels);
    return new Dataset(origin, set);
  }

  /**
   * Splits the images into two independent data sets, the first with about `fraction` of every class. Both keep the
   * order. A class with two or more images has at least one in each.
   *
   * Images of one group (see `fromList`) and exact twins, images with equal pixels, stay together, so a class with two
   * or more of such units is in both data sets where possible. Twins of a class that consists of one image alone, many
   * times, are divided.
   *
   * @param fraction greater than 0 and less than 1
   * @param options.seed seed of the random selection
   * @throws InputError `INVALID_ARGUMENT`, also if all images belong to one group; `FILE_UNREADABLE`; TorchTlError
   *   `DISPOSED` or `OUT_OF_MEMORY`
   */
  split(fraction: number, options: { seed?: number | undefined } = {}): [first: Dataset, rest: Dataset] {
    const images = this.#requireImages().set;
    const { seed } = checkOptions(splitOptions, options);
    const units = unitsOf(images.labels, { groups: images.groups, twins: twinKeys([images]) });
    const [first, rest] = splitPerClass(images.labels, fraction, seed, units);
    return [this.subset(first), this.subset(rest)];
  }

  /**
   * The images at the given indices, in that order. Pixels in memory are copied.
   *
   * @internal
   * @throws TorchTlError `DISPOSED` or `OUT_OF_MEMORY`
   */
  subset(indices: readonly number[]): Dataset {
    return new Dataset(this, select(this.#requireImages().set, indices));
  }

  /**
   * Which images must stay together, see `unitsOf`.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`; InputError `FILE_UNREADABLE`; the signal's reason after an abort
   */
  async units(signal?: AbortSignal): Promise<number[] | undefined> {
    const { set } = this.#requireImages();
    return unitsOf(set.labels, { groups: set.groups, twins: await findTwinKeys([set], signal) });
  }

  /**
   * Checks images and labels, without training: numbers per class; formats, modes and sizes of the files; images that
   * cannot be decoded (read the data with `skipCorrupt`); exact twins, images with equal pixels; and with a model near
   * twins, images that show the same but for size, encoding, mirroring, brightness or contrast. Twins may be on both
   * sides of a split, or of different classes.
   *
   * @throws InputError `INVALID_ARGUMENT`, also for `valid` of other classes; `FILE_UNREADABLE`; the signal's reason
   *   after an abort; what `onProgress` or the model throws; TorchTlError `DISPOSED` or `OUT_OF_MEMORY`
   */
  async check(options: CheckOptions = {}): Promise<DataCheck> {
    const checked = checkOptions(dataCheckOptions, options);
    const { valid } = checked;
    const isSame = (name: string, label: number) => isSameName(name, this.classes[label] ?? '');
    if (valid && !(valid.classes.length === this.classes.length && valid.classes.every(isSame))) {
      const expected = `a data set with the classes ${this.classes.join(', ')}, in this order`;
      throw invalidArgument('valid', expected, valid.classes);
    }
    // The caller may dispose of the data sets meanwhile.
    const train = this.share();
    const held = valid?.share();
    try {
      return await checkData(train, { ...checked, valid: held });
    } finally {
      train.dispose();
      held?.dispose();
    }
  }

  /**
   * A copy of the labels: int64 `[count]`, indices into the classes.
   *
   * @throws TorchTlError `DISPOSED`
   */
  get labels(): BigInt64Array {
    return this.#requireImages().set.labels.slice();
  }

  /**
   * @internal
   * @throws TorchTlError `DISPOSED`
   */
  requireOpen(): void {
    this.#requireImages();
  }

  /**
   * Another data set over the same images, which stays usable after `dispose` of this one.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`
   */
  share(): Dataset {
    return new Dataset(this, this.#requireImages());
  }

  /**
   * The pixels of one image: uint8 `[imageSize, imageSize, 3]`.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`; InputError `FILE_UNREADABLE`
   */
  async pixelsAt(index: number): Promise<Uint8Array> {
    return pixelsAt(this.#requireImages().set, index);
  }

  /**
   * Path of the file of an image; undefined if it does not come from a file.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`
   */
  fileOf(index: number): string | undefined {
    return this.#requireImages().set.files?.[index];
  }

  /**
   * The images as they are stored.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`
   */
  get images(): Images {
    return this.#requireImages().set;
  }

  /**
   * The group of each image, or null for an image without one; undefined if no image has one.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`
   */
  get groups(): ReadonlyArray<string | null> | undefined {
    return this.#requireImages().set.groups;
  }

  /**
   * The engine's copy on a device, which is made once.
   *
   * @internal
   * @throws TorchTlError `DISPOSED` or `OUT_OF_MEMORY`; InputError `FILE_UNREADABLE`; the signal's reason immediately
   *   after an abort
   */
  async onDevice(device: string, signal?: AbortSignal): Promise<NativeDataset> {
    return this.#requireImages().onDevice(device, signal);
  }

  /**
   * SHA-256 of the images and their size, computed once.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`; InputError `FILE_UNREADABLE`; the signal's reason immediately after an abort
   */
  async pixelsSha256(signal?: AbortSignal): Promise<string> {
    return this.#requireImages().pixelsSha256(signal);
  }

  /**
   * A key for each image, uint8 `[count, 16]`, computed once: see `imageKeys`.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`; InputError `FILE_UNREADABLE`; the signal's reason immediately after an abort
   */
  async imageKeys(signal?: AbortSignal): Promise<Uint8Array> {
    return this.#requireImages().imageKeys(signal);
  }

  /**
   * Frees the memory of the images on the host and on every device, once running work has finished with them. Repeated
   * calls do nothing.
   */
  dispose(): void {
    this.#images?.release();
    this.#images = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #requireImages(): SharedImages {
    if (this.#images) return this.#images;
    throw new TorchTlError('DISPOSED', `The data set '${this.name}' was used after dispose().`);
  }
}

export const limitOptions = z.strictObject({ train: limit().optional(), valid: limit().optional() });

const CLASSES = 'a list of distinct names';

const resize = resizing();
const skipCorrupt = flag()
  .default(false)
  .describe('skips images that cannot be decoded and lists them in `skipped`, instead of throwing an error');

const decoding = z.strictObject({
  signal: abortSignal.describe('stops the decoding'),
  onProgress: callback<(done: number, total: number) => void>().describe(
    'receives the number of decoded images and the total',
  ),
});

export const filesOptions = decoding.extend({
  imageSize: imageSize()
    .optional()
    .describe("side of the images in pixels: the model's `imageSize`. By default that of `like`"),
  resize: resize.optional().describe('how images are made square; by default as in `like`, else `cover`'),
  like: z
    .custom<Dataset>((value) => value instanceof Dataset, { error: 'a Dataset' })
    .optional()
    .describe('data set whose classes the labels refer to, matched by name'),
  limit: limit().optional().describe('maximum number of images, balanced across classes'),
  skipCorrupt,
  imageCache: cachePlace()
    .default(true)
    .describe(
      'true: stores decoded images in the cache directory and reuses them; a path: in that directory; false: keeps them in memory',
    ),
  onDecoded: callback<(report: DecodeReport) => void>().describe(
    'receives the number of images that were decoded, and of those found in the cache',
  ),
});

export const listOptions = filesOptions.extend({
  split: text('a name').optional().describe('split to read; required if the list has splits'),
});

/** Options of decoding, with defaults from `like`. */
function decodingOf({ like, limit: _, ...options }: z.output<typeof filesOptions>) {
  const side = options.imageSize ?? like?.imageSize;
  if (side === undefined) throw invalidArgument('imageSize', 'the side of the images in pixels', side);
  return { ...options, imageSize: side, resize: options.resize ?? like?.resize ?? 'cover' };
}

export const imagesOptions = decoding.extend({
  imageSize: imageSize().describe("side of the images in pixels: the model's `imageSize`"),
  resize: resize.default('cover').describe('how images are made square'),
  classes: z
    .array(z.string({ error: CLASSES }), { error: CLASSES })
    .min(1, { error: CLASSES })
    .refine((classes) => repeatedNames(classes).length === 0, { error: CLASSES })
    .readonly()
    .optional()
    .describe('names of the classes, in the order of their labels; by default the distinct labels, sorted'),
  name: z.string({ error: 'a string' }).default('images').describe('name of the data set, for people'),
  skipCorrupt,
});

export const splitOptions = z.strictObject({
  seed: wideSeed().default(0).describe('seed of the random selection'),
});

export const dataCheckOptions = z.strictObject({
  valid: z
    .custom<Dataset>((value) => value instanceof Dataset, { error: 'a Dataset' })
    .optional()
    .describe('validation images, to find twins across both'),
  model: z
    .custom<FeatureSource>((value) => typeof (value as FeatureSource | null)?.features === 'function', {
      error: 'a DenseNet121',
    })
    .optional()
    .describe('model whose backbone compares images; without one no near twins are looked for'),
  signal: abortSignal.describe('stops the check'),
  onProgress: callback<(phase: CheckPhase, done: number, total: number) => void>().describe(
    'receives the name of the step, and the number of images done and of all',
  ),
});

export type CheckOptions = z.input<typeof dataCheckOptions> & CheckDocs;
export type FolderOptions = z.input<typeof filesOptions> & FolderDocs;
export type ListOptions = z.input<typeof listOptions> & ListDocs;
export type ImagesOptions = z.input<typeof imagesOptions> & ImagesDocs;
