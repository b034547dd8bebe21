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
import type { FileVersion } from './file-versions.ts';

/** Of the index; another one's images are decoded anew. */
const FORMAT_VERSION = 1;

/** What nobody has opened for so long goes when another cache is begun. */
const KEPT_DAYS = 30;

/** More than any index's first line, which is all that is read of one to know it. */
const HEADER_BYTES = 1 << 16;

/**
 * Images that were decoded before: `pixels`, uint8 `[images, side, side, 3]` and nothing else, and `index.jsonl`, whose
 * first line says how they were decoded and every other of which file the next image is. Both are only ever
 * appended to, the index after the pixels are on the disk, so that what is killed halfway loses what it had in hand.
 * One process at a time has it open; another waits.
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
   * The cache in `root` of what is read from `source` (a folder, or a list), at this size; begun where there is none.
   *
   * @param place.own whether `root` is torch-tl's, where what nobody has opened for long is removed, and not the user's
   * @throws TorchTlError `WRITE_FAILED`; InputError `FILE_UNREADABLE`; the signal's reason, while another process has it
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
      // Another process may have opened the pixels, which it then keeps.
      for (const path of Object.values(paths)) await rm(path, { force: true });
      await writeFile(paths.index, `${header}\n`);
    }
    const pixels = await open(paths.pixels, 'a');
    let index: FileHandle | undefined;
    try {
      // What was half written is cut off; no more than that, for the same reason.
      const whole = Math.floor((await pixels.stat()).size / bytes);
      const keys = first === header ? lines.slice(0, whole) : [];
      await pixels.truncate(keys.length * bytes);
      index = await open(paths.index, 'a');
      await index.truncate(Buffer.byteLength([header, ...keys, ''].join('\n')));
      // Says when it was last used.
      const now = new Date();
      await index.utimes(now, now);
      return new ImageCache(directory, lock, { pixels, index }, keys);
    } catch (error) {
      await index?.close();
      await pixels.close();
      throw error;
    }
  }

  /** uint8 `[images, side, side, 3]`; stays where it is after `close`. */
  get file(): string {
    return join(this.directory, 'pixels');
  }

  /** Where a file's image lies among the pixels, if it does. */
  find(version: FileVersion): number | undefined {
    return this.#places.get(keyOf(version));
  }

  /**
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

/** The line of the index. */
function keyOf({ path, size, mtimeMs }: FileVersion): string {
  return JSON.stringify([path, size, mtimeMs]);
}

async function isNew(directory: string): Promise<boolean> {
  return (await stat(directory).catch(() => null)) === null;
}

/** Of a cache's directory: by its header, so that none has another's. */
async function nameOf(header: string): Promise<string> {
  const { source, imageSize, resize } = JSON.parse(header) as {
    source: string;
    imageSize: number;
    resize: string;
  };
  const hash = await sha256([Buffer.from(header)]);
  return `${basename(source)}-${imageSize}-${resize}-${hash.slice(0, 12)}`;
}

/** Nothing where there is no index yet; one that cannot be read now may be readable later, and is not begun anew. */
async function readIndex(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw unreadable(path, cause);
  }
}

/** Removes the caches that nobody has opened for long; what cannot be removed stays, and stops nothing. */
async function removeUnused(root: string): Promise<void> {
  for (const name of await readdir(root)) await removeIfUnused(root, name).catch(() => undefined);
}

/** Removes a directory where it is called and begins as a cache does, and nobody uses it: our files of it, and it if that was all. */
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
    // The index last, by which the rest is known.
    for (const file of ['pixels', 'index.jsonl', 'lock']) await rm(join(directory, file), { force: true });
    await rmdir(directory);
  } finally {
    lock.release();
  }
}

async function firstLine(path: string): Promise<string> {
  return withRegularFile(path, async (file) => {
    const beginning = Buffer.alloc(HEADER_BYTES);
    const text = beginning.subarray(0, await readInto(file, beginning, 0)).toString();
    return text.slice(0, text.indexOf('\n'));
  });
}
