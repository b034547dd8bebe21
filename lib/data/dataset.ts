import { basename } from 'node:path';
import { z } from 'zod';
import type { NativeDataset } from '../engine/native.ts';
import { invalidArgument, TorchTlError } from '../errors.ts';
import type { FolderDocs, ImagesDocs, ListDocs } from '../options/docs.ts';
import {
  abortSignal,
  callback,
  checkOptions,
  flag,
  imageCache,
  imageSize,
  limit,
  resizing,
  text,
  wideSeed,
} from '../options/index.ts';
import type { Resize } from '../options/resize.ts';
import { repeatedNames } from '../support/names.ts';
import { type ImageInput, requireImages } from './decoding/decode.ts';
import { decodeAll, type SkippedImage, skippedOf, undecodable } from './decoding/decode-all.ts';
import { pixelsAt } from './decoding/read-pixels.ts';
import {
  type DecodeReport,
  decodeFiles,
  type FilesDecodeOptions,
  type ImageFiles,
  limitFiles,
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

/** Where a data set comes from. */
export interface DatasetOrigin {
  /** For people, such as `CIFAR-10`. */
  name: string;
  /** Where it was read: a path, or which embedded sample. */
  source: string;
  /** Class names; a label is an index into them. */
  classes: readonly string[];
  /** How its images were made square; null where they came so. */
  resize: Resize | null;
  /** Images that were left out, since they cannot be decoded. */
  skipped?: readonly SkippedImage[];
  /** What lies beside its images. */
  leftOut?: LeftOut;
}

/** Images with labels. They are copied to a device, as uint8, when first used there. */
export class Dataset {
  readonly name: string;
  readonly source: string;
  readonly classes: readonly string[];
  readonly count: number;
  /** `count`, by the name that lists have. */
  readonly length: number;
  /** Side of the images in pixels, as they are kept. */
  readonly imageSize: number;
  /** How the images were made square, which a model must do alike; null where they came so. */
  readonly resize: Resize | null;
  /** Images that were left out, since they cannot be decoded. */
  readonly skipped: readonly SkippedImage[];
  /** What lies beside the images of a folder and is no part of the set, such as hidden files. */
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
   * @param data `auto` (the full set where it has been downloaded, else the embedded sample),
   *   `sample`, or a directory that holds the official binary batches
   * @param limits how many images of each to use, spread evenly over the classes
   * @throws InputError `DATA_NOT_FOUND`, `DATA_INVALID` or `INVALID_ARGUMENT`
   */
  static async cifar10(
    data = 'auto',
    limits: { train?: number | undefined; valid?: number | undefined } = {},
  ): Promise<{ train: Dataset; valid: Dataset }> {
    const { train, valid, ...origin } = await openData(data, { limits });
    return { train: Dataset.of(origin, train), valid: Dataset.of(origin, valid) };
  }

  /**
   * The images of `directory/<class>/**`, decoded to sRGB and shrunk with antialiasing. Classes and
   * images come in the order of their names; hidden files and files of other kinds are left out.
   *
   * Decoded images are kept in the cache directory, and taken from there, also by a training, as long as the
   * files stay as they are.
   *
   * @throws InputError `INVALID_ARGUMENT`; `DATA_NOT_FOUND` where there is no such folder, or no class
   *   in it; `DATA_INVALID` for an empty class, a class that `like` has not, and images that cannot be
   *   decoded, which are all named; the signal's reason; TorchTlError `OUT_OF_MEMORY`
   */
  static async fromFolder(directory: string, options: FolderOptions): Promise<Dataset> {
    if (typeof directory !== 'string') throw invalidArgument('directory', 'a path', directory);
    const checked = checkOptions(filesOptions, options);
    const decoding = decodingOf(checked);
    const files = await listImageFolder(directory, checked.like?.classes);
    return Dataset.fromFiles(limitFiles(files, checked.limit), decoding);
  }

  /**
   * The images of a list, in its order, decoded as those of a folder: CSV (`.csv`) whose first line names the columns
   * `path`, `label` and, if wanted, `split`, or JSON lines (`.jsonl`) with these fields. Paths are relative to the list.
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
   * Images from anywhere: files, encoded bytes, or pixels.
   *
   * @param labels one per image: class names, or indices into `classes`
   * @throws InputError `INVALID_ARGUMENT`; `DATA_INVALID` for images that cannot be decoded, which are
   *   all named; the signal's reason; TorchTlError `OUT_OF_MEMORY`
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
    return new Dataset(origin, failures.size === 0 ? all : select(all, kept));
  }

  /**
   * Two data sets of their own, of which the first has about `fraction` of every class, in the same
   * order; of a class of two or more images both have at least one.
   *
   * @param fraction above 0 and below 1
   * @param options.seed draws which images go where
   * @throws InputError `INVALID_ARGUMENT`; TorchTlError `DISPOSED` or `OUT_OF_MEMORY`
   */
  split(fraction: number, options: { seed?: number | undefined } = {}): [first: Dataset, rest: Dataset] {
    const images = this.#requireImages().set;
    const { seed } = checkOptions(splitOptions, options);
    const [first, rest] = splitPerClass(images.labels, fraction, seed);
    return [new Dataset(this, select(images, first)), new Dataset(this, select(images, rest))];
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
   * The same images for work that goes on with them, also after `dispose` of this one.
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
   * The file that an image is from, where it is from one.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`
   */
  fileOf(index: number): string | undefined {
    return this.#requireImages().set.files?.[index];
  }

  /**
   * The engine's copy on a device, made once.
   *
   * @internal
   * @throws TorchTlError `DISPOSED` or `OUT_OF_MEMORY`; InputError `FILE_UNREADABLE`; the signal's reason, at once
   */
  async onDevice(device: string, signal?: AbortSignal): Promise<NativeDataset> {
    return this.#requireImages().onDevice(device, signal);
  }

  /**
   * SHA-256 over the images and their size, computed once.
   *
   * @internal
   * @throws TorchTlError `DISPOSED`; InputError `FILE_UNREADABLE`; the signal's reason, at once
   */
  async pixelsSha256(signal?: AbortSignal): Promise<string> {
    return this.#requireImages().pixelsSha256(signal);
  }

  /**
   * Frees its memory here and on every device; what is using the images finishes first. A second call
   * does nothing.
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

const CLASSES = 'a list of names, each of them once';

const resize = resizing();
/** Leaves out the images that cannot be decoded, which `skipped` lists; else they are an error. */
const skipCorrupt = flag()
  .default(false)
  .describe('leaves out the images that cannot be decoded, which `skipped` lists; else they are an error');

const decoding = z.strictObject({
  signal: abortSignal.describe('stops the decoding'),
  onProgress: callback<(done: number, total: number) => void>().describe(
    'hears how many are done, of how many',
  ),
});

export const filesOptions = decoding.extend({
  imageSize: imageSize()
    .optional()
    .describe("side of the images in pixels: the model's. By default that of `like`"),
  resize: resize
    .optional()
    .describe('how images are made square; by default as those of `like`, else `cover`'),
  like: z
    .custom<Dataset>((value) => value instanceof Dataset, { error: 'a Dataset' })
    .optional()
    .describe('the data set whose classes the labels shall be indices of, matched by name'),
  limit: limit().optional().describe('so many images, spread evenly over the classes'),
  skipCorrupt,
  imageCache: imageCache()
    .default(true)
    .describe(
      'keeps decoded images in the cache directory or another one, and takes those that are there; else all are in memory',
    ),
  onDecoded: callback<(report: DecodeReport) => void>().describe(
    'hears how many images were decoded, and how many had been before',
  ),
});

export const listOptions = filesOptions.extend({
  split: text('a name')
    .optional()
    .describe('the images whose `split` is this; needed where the list has splits'),
});

/** What is left open is as in the data set whose like this is to be. */
function decodingOf({ like, limit: _, ...options }: z.output<typeof filesOptions>) {
  const side = options.imageSize ?? like?.imageSize;
  if (side === undefined) throw invalidArgument('imageSize', 'the side of the images in pixels', side);
  return { ...options, imageSize: side, resize: options.resize ?? like?.resize ?? 'cover' };
}

export const imagesOptions = decoding.extend({
  imageSize: imageSize().describe("side of the images in pixels: the model's"),
  resize: resize.default('cover').describe('how images are made square'),
  classes: z
    .array(z.string({ error: CLASSES }), { error: CLASSES })
    .min(1, { error: CLASSES })
    .refine((classes) => repeatedNames(classes).length === 0, { error: CLASSES })
    .readonly()
    .optional()
    .describe('what labels are indices of; by default the names among the labels, sorted'),
  name: z.string({ error: 'a string' }).default('images').describe('what the data set is called, for people'),
  skipCorrupt,
});

export const splitOptions = z.strictObject({
  seed: wideSeed().default(0).describe('draws which images go where'),
});

export type FolderOptions = z.input<typeof filesOptions> & FolderDocs;
export type ListOptions = z.input<typeof listOptions> & ListDocs;
export type ImagesOptions = z.input<typeof imagesOptions> & ImagesDocs;
