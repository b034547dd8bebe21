import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { createFileAtomically, makeDirectory, removeTemporaries } from '../files/atomic-file.ts';
import { hashOfFile, unreadable, unwritable } from '../support/files.ts';
import { folded, folderNames, numbered } from '../support/folder-names.ts';
import { count, images } from '../support/format.ts';
import { openRegularFile } from '../support/regular-file.ts';

/** Folder of the images whose class is not probable enough. */
const UNSURE = 'unsure';

/** An image, the class that it is taken for, and how probable that is. */
export interface Sorted {
  path: string;
  /** Index of the class. */
  index: number;
  probability: number;
}

/**
 * Sorts copies of images into a folder for each class. A copy gets its name only once it is whole, and replaces nothing.
 */
export class SortedCopies {
  readonly #directory: string;
  readonly #threshold: number;
  readonly #classes: readonly string[];
  readonly #folders: readonly string[];
  /** Names of this call's copies in each folder, folded. */
  readonly #names = new Map<string, Set<string>>();
  readonly #counts = new Map<string, number>();
  /** Number of images that lay in the directory before. */
  #left = 0;

  /** @param threshold probability from which on an image is sorted into its class's folder */
  constructor(directory: string, classes: readonly string[], threshold: number) {
    this.#directory = resolve(directory);
    this.#threshold = threshold;
    this.#classes = classes;
    this.#folders = folderNames(classes, [UNSURE]);
  }

  /**
   * Copies an image; an image that lies in the directory already is left where it is. Returns the path of the copy.
   *
   * @throws InputError `FILE_UNREADABLE`; TorchTlError `WRITE_FAILED`; the signal's reason, after the copy under way
   */
  async add({ path, index, probability }: Sorted, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    if (await liesIn(path, this.#directory)) {
      this.#left++;
      return path;
    }
    const folder = probability < this.#threshold ? UNSURE : (this.#folders[index] as string);
    const names = await this.#namesIn(folder);
    for (let number = 1; ; number++) {
      const name = numbered(basename(path), number);
      if (names.has(folded(name))) continue;
      const copy = join(this.#directory, folder, name);
      const isTaken = (await lstat(copy).catch(() => null)) !== null;
      const isThere = isTaken ? areSame(path, copy) : createFileAtomically(copy, piecesOf(path));
      if (!(await isThere)) continue;
      names.add(folded(name));
      this.#counts.set(folder, (this.#counts.get(folder) ?? 0) + 1);
      return copy;
    }
  }

  /** Number of images in the directory's folders that this call has copied or found there. */
  get total(): number {
    return [...this.#counts.values()].reduce((sum, number) => sum + number, 0);
  }

  /** What was copied where, which classes' folders have other names than they, and what was left; empty if nothing. */
  summary(): string {
    const used = [...this.#folders, UNSURE].filter((folder) => this.#counts.has(folder));
    const parts = used.map((folder) => `${folder} ${count(this.#counts.get(folder) as number)}`);
    const renamed = this.#classes.flatMap((name, index) => {
      const folder = this.#folders[index] as string;
      return name === folder || !this.#counts.has(folder) ? [] : [`The folder of '${name}' is ${folder}.`];
    });
    const where = this.#directory;
    const what = this.total > 0 ? [`Copied to ${where}: ${images(this.total)} (${parts.join(', ')})`] : [];
    const left = this.#left > 0 ? [`Left as they are in ${where}: ${images(this.#left)}`] : [];
    return [...what, ...renamed, ...left].join('\n');
  }

  /** The names of this call's copies in a folder, which is made first. */
  async #namesIn(folder: string): Promise<Set<string>> {
    const known = this.#names.get(folder);
    if (known) return known;
    const path = join(this.#directory, folder);
    await makeDirectory(path).catch((cause: unknown) => {
      throw unwritable(path, cause);
    });
    await removeTemporaries(path);
    const names = new Set<string>();
    this.#names.set(folder, names);
    return names;
  }
}

/** Whether a path is a directory or lies in it, also where links lead there, and where there is nothing yet. */
export async function liesIn(path: string, directory: string): Promise<boolean> {
  const place = relative(await realPath(directory), await realPath(path));
  return place !== '..' && !place.startsWith(`..${sep}`) && !isAbsolute(place);
}

async function realPath(path: string): Promise<string> {
  const absolute = resolve(path);
  const above = dirname(absolute);
  return realpath(absolute).catch(async () =>
    above === absolute ? absolute : join(await realPath(above), basename(absolute)),
  );
}

/** Whether a file is a copy of an image. */
async function areSame(path: string, copy: string): Promise<boolean> {
  try {
    const [one, other] = await Promise.all([stat(path), stat(copy)]);
    return one.size === other.size && (await hashOfFile(path)) === (await hashOfFile(copy));
  } catch {
    // Whatever has the name there is no copy.
    return false;
  }
}

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    const { file } = await openRegularFile(path);
    try {
      yield* file.createReadStream({ autoClose: false });
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
