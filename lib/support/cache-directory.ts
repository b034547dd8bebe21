import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/**
 * Where torch-tl keeps what it fetched: `TORCH_TL_CACHE` when set, else `torch-tl` under
 * `XDG_CACHE_HOME`, else under `~/.cache`. The directory need not exist yet.
 */
export function cacheDirectory(): string {
  const { TORCH_TL_CACHE: own, XDG_CACHE_HOME: shared } = process.env;
  if (own) return resolve(own);
  // The XDG specification says that a relative path is to be ignored.
  if (shared && isAbsolute(shared)) return join(shared, 'torch-tl');
  return join(homedir(), '.cache', 'torch-tl');
}

/**
 * Where decoded images are kept: `TORCH_TL_IMAGE_CACHE` when set, else `images` in the cache directory, which alone is
 * torch-tl's own.
 */
export function imageCacheDirectory(): { root: string; own: boolean } {
  const { TORCH_TL_IMAGE_CACHE: named } = process.env;
  return named ? { root: resolve(named), own: false } : { root: join(cacheDirectory(), 'images'), own: true };
}
