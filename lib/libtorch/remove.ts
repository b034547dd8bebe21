import { rm } from 'node:fs/promises';
import { InputError } from '../errors.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { unwritable } from '../support/files.ts';
import { bytesIn, cachedLibTorches, lockCache, removeFromCache, unfinished } from './cache.ts';

/** A path that was removed from the cache, and its size. */
export interface Removed {
  path: string;
  bytes: number;
}

/**
 * Removes LibTorches from the cache, each atomically. Nothing outside the cache is touched.
 *
 * @param version such as `2.13.0+cpu`, or `2.13` for every build of it; undefined removes all versions and the remains
 *   of interrupted installations
 * @throws InputError `LIBTORCH_NOT_FOUND` if the cache has none of that version; TorchTlError `WRITE_FAILED`
 */
export async function removeLibTorch(version: string | undefined): Promise<Removed[]> {
  const lock = await lockCache(() => console.error('Another process is changing the cache; waiting for it.'));
  try {
    const chosen = cachedLibTorches().filter(
      (cached) => version === undefined || isOf(cached.version, version),
    );
    if (version !== undefined && chosen.length === 0) throw notThere(version);
    const leftovers = version === undefined ? unfinished() : [];
    const removed = [...chosen.map(({ directory }) => directory), ...leftovers];
    const sizes = removed.map((path) => ({ path, bytes: bytesIn(path) }));
    for (const { directory } of chosen) await removeFromCache(directory, lock);
    for (const path of leftovers) await rm(path, { recursive: true, force: true });
    return sizes;
  } catch (cause) {
    throw unwritable(cacheDirectory(), cause);
  } finally {
    lock.release();
  }
}

/** Whether a full version such as `2.13.0+cpu` matches `2.13`, `2.13.0` or `2.13.0+cpu`. */
function isOf(full: string, version: string): boolean {
  return full === version || full.startsWith(`${version}.`) || full.startsWith(`${version}+`);
}

function notThere(version: string): InputError {
  const versions = cachedLibTorches().map((cached) => cached.version);
  return new InputError(
    'LIBTORCH_NOT_FOUND',
    `The cache has no LibTorch ${version}; it has ${versions.length > 0 ? versions.join(', ') : 'none at all'}.`,
  );
}
