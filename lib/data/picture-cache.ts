import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type FileLock, lockWhenFree } from '../file-lock.ts';
import { unwritable } from '../files.ts';
import { sha256 } from '../hash.ts';
import { decoderName } from './decode.ts';
import type { Resize } from './resize.ts';

/** Of the index; another one's pictures are decoded anew. */
const FORMAT_VERSION = 1;

/** What nobody has opened for so long goes when another cache is begun. */
const KEPT_DAYS = 30;

/** A file as it is now: another size or time, and its picture is another one. */
export interface FileVersion {
  path: string;
  size: number;
  mtimeMs: number;
}

/**
 * Pictures that were decoded before: `pixels`, uint8 `[pictures, side, side, 3]` and nothing else, and `index.jsonl`, whose
 * first line says how they were decoded and every other of which file the next picture is. Both are only ever
 * appended to, the index after the pixels are on the disk, so that what is killed halfway loses what it had in hand.
 * One process at a time has it open; another waits.
 */
export class PictureCache {
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
   * @throws TorchTlError `WRITE_FAILED`; the signal's reason, while another process has it
   */
  static async open(
    { root, source }: { root: string; source: string },
    { imageSize, resize }: { imageSize: number; resize: Resize },
    signal?: AbortSignal,
  ): Promise<PictureCache> {
    const header = JSON.stringify({
      formatVersion: FORMAT_VERSION,
      source,
      imageSize,
      resize,
      decoder: await decoderName(),
    });
    const hash = await sha256([Buffer.from(header)]);
    const directory = join(root, `${basename(source)}-${imageSize}-${resize}-${hash.slice(0, 12)}`);
    try {
      if (await isNew(directory)) {
        await mkdir(directory, { recursive: true });
        await removeUnused(root);
      }
      const lock = await lockWhenFree(join(directory, 'lock'), signal);
      try {
        return await PictureCache.#openLocked(directory, imageSize * imageSize * 3, header, lock);
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
  ): Promise<PictureCache> {
    const paths = { pixels: join(directory, 'pixels'), index: join(directory, 'index.jsonl') };
    const text = await readFile(paths.index, 'utf8').catch(() => '');
    const [first, ...lines] = text.split('\n').slice(0, -1);
    if (first !== header) {
      // Another process may have mapped the pixels, which it then keeps.
      for (const path of Object.values(paths)) await rm(path, { force: true });
      await writeFile(paths.index, `${header}\n`);
    }
    const pixels = await open(paths.pixels, 'a');
    // What was half written is cut off; no more than that, for the same reason.
    const whole = Math.floor((await pixels.stat()).size / bytes);
    const keys = first === header ? lines.slice(0, whole) : [];
    await pixels.truncate(keys.length * bytes);
    await truncate(paths.index, Buffer.byteLength([header, ...keys, ''].join('\n')));
    const index = await open(paths.index, 'a');
    // Says when it was last used.
    const now = new Date();
    await index.utimes(now, now);
    return new PictureCache(directory, lock, { pixels, index }, keys);
  }

  /** uint8 `[pictures, side, side, 3]`; stays where it is after `close`. */
  get file(): string {
    return join(this.directory, 'pixels');
  }

  /** Where a file's picture lies among the pixels, if it does. */
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

async function removeUnused(root: string): Promise<void> {
  const oldest = Date.now() - KEPT_DAYS * 24 * 3600 * 1000;
  for (const name of await readdir(root)) {
    const used = await stat(join(root, name, 'index.jsonl')).catch(() => null);
    if (used && used.mtimeMs < oldest) await rm(join(root, name), { recursive: true, force: true });
  }
}
