import type { FileVersion } from '../file-versions.ts';
import { ImageCache } from '../image-cache.ts';
import { DECODED_AT_ONCE, type DecodeOptions, decodeAll, type Failures } from './decode-all.ts';

/** Approximate number of bytes that are decoded before they are written to disk. */
const CHUNK_BYTES = 1 << 26;

export interface CachedImages {
  /** Path of uint8 `[images, imageSize, imageSize, 3]`, which may contain other images too. */
  file: string;
  /** `identityOf` the file. */
  identity: string;
  /** int64: position of each image in the file, counted in images; meaningless for images in `failures`. */
  places: BigInt64Array;
  failures: Failures;
  /** Number of images that were in the cache already. */
  found: number;
}

/**
 * Decodes the images that are not yet in the cache of a source. Decoded images are stored even if others fail.
 *
 * @param versions of the files at `paths`
 * @throws as `decodeAll` and `ImageCache.open`
 */
export async function decodeCached(
  place: { root: string; own: boolean; source: string },
  paths: readonly string[],
  versions: ReadonlyArray<FileVersion | null>,
  { onProgress = () => {}, ...options }: DecodeOptions,
): Promise<CachedImages> {
  const cache = await ImageCache.open(place, options, options.signal);
  try {
    const missing = [...paths.keys()].filter((index) => {
      const version = versions[index];
      return !version || cache.find(version) === undefined;
    });
    const found = paths.length - missing.length;
    const failures: Failures = new Map();
    const size = chunkSize(options.imageSize);
    for (let begin = 0; begin < missing.length; begin += size) {
      const chunk = missing.slice(begin, begin + size);
      const decoded = await decodeAll(
        chunk.map((index) => paths[index] as string),
        { ...options, onProgress: (done) => onProgress(found + begin + done, paths.length) },
      );
      for (const [position, reason] of decoded.failures) failures.set(chunk[position] as number, reason);
      await keep(
        cache,
        chunk.map((index) => versions[index] ?? null),
        decoded,
      );
    }
    const places = BigInt64Array.from(versions, (version) => BigInt((version && cache.find(version)) ?? -1));
    return { file: cache.file, identity: await cache.identity(), places, failures, found };
  } finally {
    await cache.close();
  }
}

async function keep(
  cache: ImageCache,
  versions: ReadonlyArray<FileVersion | null>,
  { pixels, failures }: { pixels: Uint8Array; failures: Failures },
): Promise<void> {
  const bytes = pixels.length / versions.length;
  const kept: FileVersion[] = [];
  for (const [position, version] of versions.entries()) {
    if (version === null || failures.has(position)) continue;
    pixels.copyWithin(kept.length * bytes, position * bytes, (position + 1) * bytes);
    kept.push(version);
  }
  if (kept.length > 0) await cache.append(kept, pixels.subarray(0, kept.length * bytes));
}

function chunkSize(imageSize: number): number {
  return Math.max(DECODED_AT_ONCE, Math.floor(CHUNK_BYTES / (imageSize * imageSize * 3)));
}
