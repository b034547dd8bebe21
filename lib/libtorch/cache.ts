import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../files/atomic-file.ts';
import { lockWhenFree } from '../files/file-lock.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { unwritable } from '../support/files.ts';
import { inspectLibTorch } from './locate.ts';
import { SUPPORTED_MINORS } from './version.ts';

/** Of directories under which nothing is whole yet, or no longer. */
const TEMPORARY = '.libtorch-';

/** A LibTorch in the cache. */
export interface CachedLibTorch {
  /** Such as `2.13.0+cpu`. */
  version: string;
  /** The directory to remove. */
  directory: string;
  /** Why it cannot be used, or null. */
  problem: string | null;
}

/** The versions in the cache, the newest first. */
export function cachedLibTorches(): CachedLibTorch[] {
  const names = namesIn(cacheDirectory()).filter((name) => /^libtorch-\d/.test(name));
  return names
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => {
      const directory = join(cacheDirectory(), name);
      const inspection = inspectLibTorch(join(directory, 'torch'), SUPPORTED_MINORS);
      const problem = inspection.libtorch === null ? inspection.reason : null;
      return { version: name.slice('libtorch-'.length), directory, problem };
    });
}

/** Where an official archive is downloaded to. */
export function archivePath(name: string): string {
  return join(cacheDirectory(), name);
}

/** What installations that were broken off left: temporary directories and archives to go on with. */
export function unfinished(): string[] {
  return namesIn(cacheDirectory())
    .filter((name) => isTemporary(name) || /^libtorch-[a-z].*\.zip(\.part)?$/.test(name))
    .map((name) => join(cacheDirectory(), name));
}

/** Of all files under a path, roughly where they come and go meanwhile. */
export function bytesIn(path: string): number {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (!status?.isDirectory()) return status?.size ?? 0;
  return namesIn(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

/** The right to change the LibTorches in the cache. */
export interface CacheLock {
  /** A directory under a name that is nobody's, which the next who holds the lock clears. */
  temporary(purpose: string): string;
  /** Removes what is in temporary directories and lets go. */
  release(): void;
}

/**
 * Waits until nobody else changes the LibTorches in the cache.
 *
 * @param onWait is called once where somebody does
 * @throws what `lockWhenFree` throws
 */
export async function lockCache(onWait: () => void, signal?: AbortSignal): Promise<CacheLock> {
  const cache = cacheDirectory();
  await makeDirectory(cache).catch((cause) => {
    throw unwritable(cache, cause);
  });
  const path = join(cache, '.libtorch.lock');
  const lock = await lockWhenFree(path, signal, onWait);
  clearTemporaries(cache);
  return {
    temporary: (purpose) => join(cache, `${TEMPORARY}${purpose}`),
    release() {
      // What cannot be removed now, the next who holds the lock clears.
      try {
        clearTemporaries(cache);
        rmSync(path, { force: true });
      } catch {}
      lock.release();
    },
  };
}

/** Takes a LibTorch out of the cache at once, then removes its files; harmless where there is none. */
export async function removeFromCache(directory: string, lock: CacheLock): Promise<void> {
  if (!existsSync(directory)) return;
  const aside = lock.temporary('removed');
  await rename(directory, aside);
  await rm(aside, { recursive: true, force: true });
}

function clearTemporaries(cache: string): void {
  for (const name of namesIn(cache).filter(isTemporary))
    rmSync(join(cache, name), { recursive: true, force: true });
}

function isTemporary(name: string): boolean {
  return name.startsWith(TEMPORARY);
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
