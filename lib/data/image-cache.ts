import {
  type FileHandle,
  lstat,
  open,
  readdir,
  readFile,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeDirectory } from '../files/atomic-file.ts';
import { type FileLock, lockFile, lockWhenFree } from '../files/file-lock.ts';
import type { Resize } from '../options/resize.ts';
import { unreadable, unwritable } from '../support/files.ts';
import { sha256 } from '../support/hash.ts';
import { readInto, withRegularFile } from '../support/regular-file.ts';
import { decoderName } from './decoding/decode.ts';
import { identityOf } from './decoding/read-pixels.ts';
import type { FileVersion } from './file-versions.ts';

/** Version of the index's format. A cache with another version is replaced. */
const FORMAT_VERSION = 2;

/** Days after which an unused cache is removed, when a new one is created. */
const KEPT_DAYS = 30;

/** Number of bytes that always contain the first line of an index. */
const HEADER_BYTES = 1 << 16;

/**
 * A cache of decoded images. The file `pixels` contains only uint8 `[images, side, side, 3]`. The first line of
 * `index.jsonl` says how the images were decoded; each other line identifies the file of the next image. Both files are
 * only appended to, the index after the pixels are on disk, so a killed process loses only the images that it was
 * writing. One process at a time has a cache open; others wait.
 */
export class ImageCache {
  readonly directory: string;
  readonly #lock: FileLock;
  readonly #pixels: FileHandle;
  readonly #index: FileHandle;
  readonly #places: Map<string, number>;
  #count: number;

  private constructor(
    directory: string,
    lock: FileLock,
    files: { pixels: FileHandle; index: FileHandle },
    keys: readonly string[],
  ) {
    this.directory = directory;
    this.#lock = lock;
    this.#pixels = files.pixels;
    this.#index = files.index;
    this.#places = new Map(keys.map((key, place) => [key, place]));
    this.#count = keys.length;
  }

  /**
   * Opens the cache in `root` for the images of `source` (a folder or list) at this size, creating it if needed.
   *
   * @param place.own whether `root` belongs to torch-tl, which then removes old caches there, or to the user
   * @throws TorchTlError `WRITE_FAILED`; InputError `FILE_UNREADABLE`; the signal's reason, if it aborts while another
   *   process has the cache open
   */
  static async open(
    { root, own, source }: { root: string; own: boolean; source: string },
    { imageSize, resize }: { imageSize: number; resize: Resize },
    signal?: AbortSignal,
  ): Promise<ImageCache> {
    const header = JSON.stringify({
      formatVersion: FORMAT_VERSION,
      source,
      imageSize,
      resize,
      decoder: await decoderName(),
    });
    const directory = join(root, await nameOf(header));
    try {
      if (await isNew(directory)) {
        await makeDirectory(directory);
        if (own) await removeUnused(root);
      }
      const lock = await lockWhenFree(join(directory, 'lock'), signal);
      try {
        return await ImageCache.#openLocked(directory, imageSize * imageSize * 3, header, lock);
      } catch (error) {
        lock.release();
        throw error;
      }
    } catch (cause) {
      throw unwritable(directory, cause);
    }
  }

  static async #openLocked(
    directory: string,
    bytes: number,
    header: string,
    lock: FileLock,
  ): Promise<ImageCache> {
    const paths = { pixels: join(directory, 'pixels'), index: join(directory, 'index.jsonl') };
    const text = await readIndex(paths.index);
    const [first, ...lines] = text.split('\n').slice(0, -1);
    if (first !== header) {
      // Removed, not truncated: another process may be reading the old pixels.
      for (const path of Object.values(paths)) await rm(path, { force: true });
      await writeFile(paths.index, `${header}\n`);
    }
    const pixels = await open(paths.pixels, 'a');
    let index: FileHandle | undefined;
    try {
      // Removes partly written images. Whole ones stay: another process may be reading them.
      const whole = Math.floor((await pixels.stat()).size / bytes);
      const keys = first === header ? lines.slice(0, whole) : [];
      await pixels.truncate(keys.length * bytes);
      index = await open(paths.index, 'a');
      await index.truncate(Buffer.byteLength([header, ...keys, ''].join('\n')));
      // Records the time of the last use.
      const now = new Date();
      await index.utimes(now, now);
      return new ImageCache(directory, lock, { pixels, index }, keys);
    } catch (error) {
      await index?.close();
      await pixels.close();
      throw error;
    }
  }

  /** Path of the pixels, uint8 `[images, side, side, 3]`. The file stays after `close`. */
  get file(): string {
    return join(this.directory, 'pixels');
  }

  /** See `identityOf`. */
  async identity(): Promise<string> {
    return identityOf(await this.#pixels.stat({ bigint: true }));
  }

  /** Position of a file's image among the pixels, counted in images; undefined if it is not in the cache. */
  find(version: FileVersion): number | undefined {
    return this.#places.get(keyOf(version));
  }

  /**
   * Adds images.
   *
   * @param pixels uint8 `[versions.length, side, side, 3]`
   * @throws TorchTlError `WRITE_FAILED`
   */
  async append(versions: readonly FileVersion[], pixels: Uint8Array): Promise<void> {
    const keys = versions.map(keyOf);
    try {
      await this.#pixels.appendFile(pixels);
      await this.#pixels.datasync();
      await this.#index.appendFile(keys.map((key) => `${key}\n`).join(''));
    } catch (cause) {
      throw unwritable(this.directory, cause);
    }
    for (const key of keys) this.#places.set(key, this.#count++);
  }

  async close(): Promise<void> {
    await this.#pixels.close();
    await this.#index.close();
    this.#lock.release();
  }
}

/** The line of a file in the index. */
function keyOf({ path, size, mtimeMs, ctimeMs, ino }: FileVersion): string {
  return JSON.stringify([path, size, mtimeMs, ctimeMs, ino]);
}

async function isNew(directory: string): Promise<boolean> {
  return (await stat(directory).catch(() => null)) === null;
}

/** Name of a cache's directory. It contains a hash of the header, so that different caches have different names. */
export async function nameOf(header: string): Promise<string> {
  const { source, imageSize, resize } = JSON.parse(header) as {
    source: string;
    imageSize: number;
    resize: string;
  };
  const hash = await sha256([Buffer.from(header)]);
  return `${basename(source)}-${imageSize}-${resize}-${hash.slice(0, 12)}`;
}

/**
 * The text of an index; empty if it does not exist. An index that cannot be read is an error, since it may be readable
 * later and must not be replaced.
 */
async function readIndex(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw unreadable(path, cause);
  }
}

/** Removes caches that have not been used for `KEPT_DAYS`. Failures are ignored. */
async function removeUnused(root: string): Promise<void> {
  for (const name of await readdir(root)) await removeIfUnused(root, name).catch(() => undefined);
}

/**
 * Removes an old cache that nobody has open. Only a directory whose name and index are those of a cache is touched.
 * Only the cache's own files are deleted, and then the directory if it is empty.
 */
async function removeIfUnused(root: string, name: string): Promise<void> {
  const directory = join(root, name);
  const index = join(directory, 'index.jsonl');
  const oldest = Date.now() - KEPT_DAYS * 24 * 3600 * 1000;
  const isOld = async () => (await lstat(index)).mtimeMs < oldest;
  if (!(await lstat(directory)).isDirectory() || !(await isOld())) return;
  if (name !== (await nameOf(await firstLine(index)))) return;
  const lock = lockFile(join(directory, 'lock'));
  if (lock === null) return;
  try {
    if (!(await isOld())) return;
    // The index after the pixels: it identifies the directory as a cache.
    for (const file of ['pixels', 'index.jsonl', 'lock']) await rm(join(directory, file), { force: true });
    await rmdir(directory);
  } finally {
    lock.release();
  }
}

/** The first line of an index, which says how the images were decoded. */
export async function firstLine(path: string): Promise<string> {
  return withRegularFile(path, async (file) => {
    const beginning = Buffer.alloc(HEADER_BYTES);
    const text = beginning.subarray(0, await readInto(file, beginning, 0)).toString();
    return text.slice(0, text.indexOf('\n'));
  });
}
