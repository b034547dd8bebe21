import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { storedImageCaches } from '../data/stored-image-caches.ts';
import { isLocked, lockFile } from '../files/file-lock.ts';
import { bytesIn, cachedLibTorches, unfinished } from '../libtorch/cache.ts';
import { removeLibTorch } from '../libtorch/remove.ts';
import { cacheDirectory, featureCacheDirectory, imageCacheDirectory } from '../support/cache-directory.ts';
import { CATALOGUE } from '../weights/catalogue.ts';
import type { Cache, CacheKind } from './cache.ts';
import { describeFeatureFile } from './feature-files.ts';
import { isLoaded } from './in-use.ts';

/** Milliseconds for which a directory without a lock counts as still being written. */
const STILL_WRITTEN = 3600e3;

/** Everything that torch-tl keeps in its cache directory, by kind, the last used first. */
export async function listCaches(kinds: readonly CacheKind[]): Promise<Cache[]> {
  const listed: Cache[] = [];
  for (const kind of kinds) {
    const caches = await LISTS[kind]();
    listed.push(...caches.sort((a, b) => b.used - a.used || a.path.localeCompare(b.path)));
  }
  return listed;
}

const LISTS: Readonly<Record<CacheKind, () => Cache[] | Promise<Cache[]>>> = {
  features: () =>
    namesIn(featureCacheDirectory())
      .filter((name) => name.endsWith('.features'))
      .map((name) => join(featureCacheDirectory(), name))
      .map((path) => file('features', path, describeFeatureFile(path))),
  images: async () =>
    (await storedImageCaches(imageCacheDirectory().root)).map(({ directory, source, imageSize, resize }) => {
      const held = [join(directory, 'lock'), join(directory, 'pixels')];
      return {
        kind: 'images',
        path: directory,
        bytes: bytesIn(directory),
        used: timeOf(join(directory, 'index.jsonl')),
        of: `${source} at ${imageSize} pixels, ${resize}`,
        isInUse: () => held.some(isLocked),
        remove: () => removeImages(directory, held),
      };
    }),
  libtorch: () =>
    cachedLibTorches().map(({ version, directory, problem }) => ({
      kind: 'libtorch',
      path: directory,
      bytes: bytesIn(directory),
      used: timeOf(directory),
      of: `LibTorch ${version}${problem === null ? '' : `, ${problem}`}`,
      isInUse: () => isLoaded(directory) || isLocked(libTorchLock()),
      async remove() {
        if (this.isInUse()) return false;
        await removeLibTorch(version);
        return true;
      },
    })),
  engines: () =>
    inCache((name) => name.startsWith('engines-')).map((path) => ({
      ...tree('engines', path, 'built by torch-tl build'),
      isInUse: () => isLoaded(path),
    })),
  weights: () =>
    namesIn(join(cacheDirectory(), 'weights'))
      .filter((name) => !name.endsWith('.part'))
      .map((name) => {
        const known = CATALOGUE.find(({ file }) => file === name);
        return tree(
          'weights',
          join(cacheDirectory(), 'weights', name),
          known ? known.name : 'no named weights',
        );
      }),
  cifar10: () =>
    inCache((name) => /^cifar10(-[0-9a-f]+|\.tar\.gz)?$/.test(name)).map((path) =>
      tree('cifar10', path, path.endsWith('.gz') ? 'its archive' : 'unpacked'),
    ),
  partial: () => [
    ...partialFiles().map((path) => file('partial', path, 'an unfinished download')),
    ...namesIn(featureCacheDirectory())
      .filter((name) => name.startsWith('.torch-tl-features-'))
      .map((name) => file('partial', join(featureCacheDirectory(), name), 'features in the making')),
    ...inCache((name) => name.startsWith('.torch-tl-')).map((path) => ({
      ...tree('partial', path, 'left by a stopped process'),
      isInUse: () => isLocked(path) || Date.now() - timeOf(path) < STILL_WRITTEN,
    })),
    ...unfinished().map((path) => ({
      ...tree('partial', path, 'an unfinished installation of LibTorch'),
      isInUse: () => [libTorchLock(), path].some(isLocked),
    })),
  ],
};

/** Unfinished downloads other than of LibTorch, which has its own list. */
function partialFiles(): string[] {
  const directories = [cacheDirectory(), join(cacheDirectory(), 'weights')];
  return directories
    .flatMap((directory) => namesIn(directory).map((name) => join(directory, name)))
    .filter((path) => path.endsWith('.part') && !unfinished().includes(path));
}

/** A file that a process locks while it uses it. */
function file(kind: CacheKind, path: string, of: string): Cache {
  return {
    ...measured(kind, path, of),
    isInUse: () => isLocked(path),
    remove: async () => whileLocked(path, () => rmSync(path, { force: true })),
  };
}

/** A file or directory that a process reads at once, and then no more. */
function tree(kind: CacheKind, path: string, of: string): Cache {
  return {
    ...measured(kind, path, of),
    isInUse: () => false,
    async remove() {
      if (this.isInUse()) return false;
      rmSync(path, { recursive: true, force: true });
      return true;
    },
  };
}

/** Removes the files of an image cache and nothing else; the index last, since it says what the directory is. */
async function removeImages(directory: string, held: readonly string[]): Promise<boolean> {
  if (held.some(isLocked)) return false;
  return whileLocked(join(directory, 'lock'), () => {
    for (const name of ['pixels', 'index.jsonl', 'lock']) rmSync(join(directory, name), { force: true });
    if (namesIn(directory).length === 0) rmSync(directory, { recursive: true });
  });
}

/** Removes something while its lock is held. Returns false if another process holds it. */
function whileLocked(file: string, remove: () => void): boolean {
  const lock = lockFile(file);
  if (lock === null) return false;
  try {
    remove();
    return true;
  } finally {
    lock.release();
  }
}

/** The part of a cache that does not depend on how it is used and removed. */
function measured(kind: CacheKind, path: string, of: string) {
  return { kind, path, bytes: bytesIn(path), used: timeOf(path), of };
}

function libTorchLock(): string {
  return join(cacheDirectory(), '.libtorch.lock');
}

function inCache(isMeant: (name: string) => boolean): string[] {
  return namesIn(cacheDirectory())
    .filter(isMeant)
    .map((name) => join(cacheDirectory(), name));
}

function timeOf(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
