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

/** Labelled image files that are not yet decoded. */
export interface ImageFiles {
  /** Absolute path of the folder or list that names them. */
  source: string;
  classes: readonly string[];
  /** Absolute paths. */
  files: string[];
  /** int64 `[files.length]`: indices into the classes. */
  labels: BigInt64Array;
  /** The group of each image, such as a patient, or null for none; no split divides a group. */
  groups?: ReadonlyArray<string | null>;
  /** Files, folders and links that are not used. */
  leftOut: LeftOut;
}

/** The files at the given indices, in that order. */
export function selectFiles(images: ImageFiles, indices: readonly number[]): ImageFiles {
  return {
    ...images,
    files: indices.map((index) => images.files[index] as string),
    labels: BigInt64Array.from(indices, (index) => images.labels[index] as bigint),
    ...(images.groups && { groups: indices.map((index) => images.groups?.[index] ?? null) }),
  };
}

/** At most `limit` files, balanced across classes. */
export function limitFiles(images: ImageFiles, limit: number | undefined): ImageFiles {
  return limit === undefined ? images : selectFiles(images, indicesPerClass(images.labels, limit));
}

/** Options for decoding image files. */
export interface FilesDecodeOptions extends DecodeOptions {
  /** Whether to skip images that cannot be decoded, instead of throwing an error. */
  skipCorrupt?: boolean | undefined;
  /** Whether, or in which directory, to store and reuse decoded images; false keeps them in memory. Default true. */
  imageCache?: boolean | string | undefined;
  onDecoded?: ((report: DecodeReport) => void) | undefined;
}

/** A summary of decoding. */
export interface DecodeReport {
  /** Number of images that were decoded. */
  decoded: number;
  /** Number of images that were found in the cache. */
  found: number;
  /** Path of the cache's file; null if the images are in memory. */
  file: string | null;
  /** Why the cache could not be used; null if it was used or not wanted. */
  uncached: string | null;
}

/** Decoded images. */
export interface DecodedFiles {
  set: Images;
  /** Indices of their files; skipped files are missing. */
  kept: number[];
  skipped: SkippedImage[];
}

/**
 * Decodes image files in worker threads, on all processors.
 *
 * @throws as `decodeImages`; InputError `DATA_INVALID` if many files are missing or no image of a class can be decoded
 */
export async function decodeFiles(
  images: ImageFiles,
  { skipCorrupt = false, imageCache = true, onDecoded = () => {}, ...options }: FilesDecodeOptions,
): Promise<DecodedFiles> {
  const { files } = images;
  const versions = await versionsOf(files, skipCorrupt ? Infinity : MAX_MISSING);
  const { all, failures, ...report } = await decode(images, versions, imageCache, options);
  if (failures.size > 0 && !skipCorrupt) throw undecodable(failures, files);
  const kept = [...files.keys()].filter((index) => !failures.has(index));
  const set = failures.size === 0 ? all : select(all, kept);
  requireSomeOfEach(images, set.labels);
  onDecoded(report);
  return { set, kept, skipped: skippedOf(failures, files) };
}

type Versions = ReadonlyArray<FileVersion | null>;

/** If more files are missing, the paths are probably wrong. */
const MAX_MISSING = 20;

/** Errors of the cache after which images are decoded into memory instead. */
const UNCACHED: ReadonlySet<ErrorCode> = new Set(['FILE_UNREADABLE', 'WRITE_FAILED']);

type Decoded = DecodeReport & { all: Images; failures: Failures };

/** Decodes images into the cache, or into memory if the cache cannot be read or written. */
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
  { source, files, labels, groups }: ImageFiles,
  versions: Versions,
  place: { root: string; own: boolean },
  options: DecodeOptions,
): Promise<Decoded> {
  const { file, identity, places, failures, found } = await decodeCached(
    { ...place, source },
    files,
    versions,
    options,
  );
  const all = { file, identity, places, labels, files, ...(groups && { groups }), ...sizeOf(files, options) };
  return { all, failures, decoded: files.length - found, found, file, uncached: null };
}

async function decodeInMemory(
  { files, labels, groups }: ImageFiles,
  options: DecodeOptions,
  uncached: string | null,
): Promise<Decoded> {
  const { pixels, failures } = await decodeAll(files, options);
  const all = { pixels, labels, files, ...(groups && { groups }), ...sizeOf(files, options) };
  return { all, failures, decoded: files.length, found: 0, file: null, uncached };
}

function sizeOf({ length: count }: readonly string[], { imageSize }: DecodeOptions) {
  return { count, height: imageSize, width: imageSize };
}

/**
 * Makes sure that each class that had images has some left after those that cannot be decoded were skipped.
 *
 * @param kept labels of the images that are left
 * @param kind what they are called, for people
 * @throws InputError `DATA_INVALID` with the names of the classes
 */
export function requireSomeOfEach(
  { source, classes, labels }: Pick<ImageFiles, 'source' | 'classes' | 'labels'>,
  kept: BigInt64Array,
  kind = 'image',
): void {
  const remaining = new Set(kept);
  const lost = [...new Set(labels)]
    .filter((label) => !remaining.has(label))
    .map((label) => classes[Number(label)]);
  if (lost.length === 0) return;
  throw new InputError('DATA_INVALID', `No ${kind} of ${lost.join(', ')} in ${source} can be decoded.`);
}
