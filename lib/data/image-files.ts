import { type ErrorCode, InputError, TorchTlError } from '../errors.ts';
import { imageCacheDirectory } from '../support/cache-directory.ts';
import {
  type DecodeOptions,
  decodeAll,
  type Failures,
  type SkippedImage,
  skippedOf,
  undecodable,
} from './decoding/decode-all.ts';
import { decodeCached } from './decoding/decode-cached.ts';
import { type FileVersion, versionsOf } from './file-versions.ts';
import type { Images } from './image-set.ts';
import type { LeftOut } from './left-out.ts';
import { indicesPerClass } from './limit.ts';
import { select } from './select.ts';

/** Labelled files of images, not yet decoded. */
export interface ImageFiles {
  /** The absolute path of the folder or list that they were found in. */
  source: string;
  classes: readonly string[];
  /** Absolute paths. */
  files: string[];
  /** int64 `[files.length]`, indices into the classes. */
  labels: BigInt64Array;
  /** What lies beside them. */
  leftOut: LeftOut;
}

/** The files at these places, in this order. */
export function selectFiles(images: ImageFiles, indices: readonly number[]): ImageFiles {
  return {
    ...images,
    files: indices.map((index) => images.files[index] as string),
    labels: BigInt64Array.from(indices, (index) => images.labels[index] as bigint),
  };
}

/** At most `limit` of them, spread evenly over the classes. */
export function limitFiles(images: ImageFiles, limit: number | undefined): ImageFiles {
  return limit === undefined ? images : selectFiles(images, indicesPerClass(images.labels, limit));
}

/** How files of images are decoded. */
export interface FilesDecodeOptions extends DecodeOptions {
  /** Leaves out the images that cannot be decoded, which are an error else. */
  skipCorrupt?: boolean | undefined;
  /** Keeps decoded images in the cache directory or another one, and takes those that are there; else all are in memory. */
  imageCache?: boolean | string | undefined;
  onDecoded?: ((report: DecodeReport) => void) | undefined;
}

/** What decoding came to. */
export interface DecodeReport {
  /** Images that were decoded. */
  decoded: number;
  /** Images that lay in the cache already. */
  found: number;
  /** The file of the cache; null where the images are in memory. */
  file: string | null;
  /** Why there is no cache although one was wanted. */
  uncached: string | null;
}

/** Decoded images, of which some files' may have been left out. */
export interface DecodedFiles {
  set: Images;
  /** Which of the files they are. */
  kept: number[];
  skipped: SkippedImage[];
}

/**
 * Decodes images, on all processors beside the event loop.
 *
 * @throws what `decodeImages` throws; InputError `DATA_INVALID` where many files are missing, and for a class of which none can be decoded
 */
export async function decodeFiles(
  images: ImageFiles,
  { skipCorrupt = false, imageCache = true, onDecoded = () => {}, ...options }: FilesDecodeOptions,
): Promise<DecodedFiles> {
  const { files } = images;
  const versions = await versionsOf(files, skipCorrupt ? Infinity : MOST_MISSING);
  const { all, failures, ...report } = await decode(images, versions, imageCache, options);
  if (failures.size > 0 && !skipCorrupt) throw undecodable(failures, files);
  const kept = [...files.keys()].filter((index) => !failures.has(index));
  const set = failures.size === 0 ? all : select(all, kept);
  requireSomeOfEach(images, set.labels);
  onDecoded(report);
  return { set, kept, skipped: skippedOf(failures, files) };
}

type Versions = ReadonlyArray<FileVersion | null>;

/** More missing files are no damage, but wrong paths. */
const MOST_MISSING = 20;

/** What a cache that cannot be used fails with. */
const UNCACHED: ReadonlySet<ErrorCode> = new Set(['FILE_UNREADABLE', 'WRITE_FAILED']);

type Decoded = DecodeReport & { all: Images; failures: Failures };

/** A disk that cannot be written to, or read, costs time and memory, not the run. */
async function decode(
  images: ImageFiles,
  versions: Versions,
  imageCache: boolean | string,
  options: DecodeOptions,
): Promise<Decoded> {
  if (imageCache === false) return decodeInMemory(images, options, null);
  const place = imageCache === true ? imageCacheDirectory() : { root: imageCache, own: false };
  try {
    return await decodeOnDisk(images, versions, place, options);
  } catch (error) {
    if (!(error instanceof TorchTlError && UNCACHED.has(error.code))) throw error;
    return decodeInMemory(images, options, error.message);
  }
}

async function decodeOnDisk(
  { source, files, labels }: ImageFiles,
  versions: Versions,
  place: { root: string; own: boolean },
  options: DecodeOptions,
): Promise<Decoded> {
  const { file, places, failures, found } = await decodeCached(
    { ...place, source },
    files,
    versions,
    options,
  );
  const all = { file, places, labels, files, ...sizeOf(files, options) };
  return { all, failures, decoded: files.length - found, found, file, uncached: null };
}

async function decodeInMemory(
  { files, labels }: ImageFiles,
  options: DecodeOptions,
  uncached: string | null,
): Promise<Decoded> {
  const { pixels, failures } = await decodeAll(files, options);
  const all = { pixels, labels, files, ...sizeOf(files, options) };
  return { all, failures, decoded: files.length, found: 0, file: null, uncached };
}

function sizeOf({ length: count }: readonly string[], { imageSize }: DecodeOptions) {
  return { count, height: imageSize, width: imageSize };
}

function requireSomeOfEach({ source, classes, labels }: ImageFiles, kept: BigInt64Array): void {
  const left = new Set(kept);
  const lost = [...new Set(labels)]
    .filter((label) => !left.has(label))
    .map((label) => classes[Number(label)]);
  if (lost.length === 0) return;
  throw new InputError('DATA_INVALID', `No image of ${lost.join(', ')} in ${source} can be decoded.`);
}
