import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * The cache directory of torch-tl, which holds downloads: `TORCH_TL_CACHE` if set, else `torch-tl` under
 * `XDG_CACHE_HOME`, else under `~/.cache`. It need not exist yet.
 */
export function cacheDirectory(): string {
  const { TORCH_TL_CACHE: own, XDG_CACHE_HOME: shared } = process.env;
  if (own) return resolve(own);
  // The XDG specification requires relative paths to be ignored.
  if (shared && isAbsolute(shared)) return join(shared, 'torch-tl');
  return join(homedir(), '.cache', 'torch-tl');
}

/**
 * The directory of decoded images: `TORCH_TL_IMAGE_CACHE` if set, else `images` in the cache directory. `own` is true
 * for the latter: only torch-tl uses that directory.
 */
export function imageCacheDirectory(): { root: string; own: boolean } {
  const { TORCH_TL_IMAGE_CACHE: named } = process.env;
  return named ? { root: resolve(named), own: false } : { root: join(cacheDirectory(), 'images'), own: true };
}

/** The directory of the features that are kept by default: `features` in the cache directory. */
export function featureCacheDirectory(): string {
  return join(cacheDirectory(), 'features');
}
