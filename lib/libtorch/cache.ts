import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../files/atomic-file.ts';
import { lockWhenFree } from '../files/file-lock.ts';
import { cacheDirectory } from '../support/cache-directory.ts';
import { unwritable } from '../support/files.ts';
import { inspectLibTorch } from './locate.ts';
import { SUPPORTED_MINORS } from './version.ts';

/** Prefix of directories with incomplete contents: installations or removals in progress. */
const TEMPORARY = '.libtorch-';

/** A LibTorch in the cache. */
export interface CachedLibTorch {
  /** Such as `2.13.0+cpu`. */
  version: string;
  /** The directory to remove. */
  directory: string;
  /** Why the LibTorch cannot be used, or null. */
  problem: string | null;
}

/** The LibTorches in the cache, newest first. */
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

/** Path to which an official archive is downloaded. */
export function archivePath(name: string): string {
  return join(cacheDirectory(), name);
}

/** Remains of interrupted installations: temporary directories and archives that can be resumed. */
export function unfinished(): string[] {
  return namesIn(cacheDirectory())
    .filter((name) => isTemporary(name) || /^libtorch-[a-z].*\.zip(\.part)?$/.test(name))
    .map((name) => join(cacheDirectory(), name));
}

/** Total size in bytes of all files under a path; approximate while files change. */
export function bytesIn(path: string): number {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (!status?.isDirectory()) return status?.size ?? 0;
  return namesIn(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

/** An exclusive lock for changing the LibTorches in the cache. */
export interface CacheLock {
  /** Path of a temporary directory, which the next holder of the lock removes at the latest. */
  temporary(purpose: string): string;
  /** Removes temporary directories and releases the lock. */
  release(): void;
}

/**
 * Locks the LibTorches in the cache, waiting until no other process holds the lock.
 *
 * @param onWait called once if another process holds the lock
 * @throws errors of `lockWhenFree`
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
      // The next holder of the lock removes anything that cannot be removed now.
      try {
        clearTemporaries(cache);
        rmSync(path, { force: true });
      } catch {}
      lock.release();
    },
  };
}

/** Removes a LibTorch from the cache with one rename, then deletes its files. Harmless if it does not exist. */
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
