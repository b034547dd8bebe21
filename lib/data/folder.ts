import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ErrorCode } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { byName } from '../support/names.ts';

/** File names that count as images. Unsupported formats among them are reported when they are decoded. */
const IMAGE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|heic|heif|bmp|p[bgnp]m|jp2|jxl)$/i;

/** Hidden files, and folders that operating systems create. */
const HIDDEN = /^\.|^(__MACOSX|@eaDir|\$RECYCLE\.BIN|System Volume Information|lost\+found)$/;

/** Whether a file counts as an image: it has the extension of an image and is not hidden. */
export function isImageName(path: string): boolean {
  return IMAGE.test(path) && !path.split(/[\\/]/).some((part) => HIDDEN.test(part));
}

/** The kind of a folder's entry, or of the target of a link. */
export type EntryKind =
  | 'folder'
  /** A file with the extension of an image; also a broken link with one, which is reported when it is read. */
  | 'image'
  /** Any other file. */
  | 'other'
  /** A broken link without the extension of an image. */
  | 'broken link'
  | 'hidden';

export interface Entry {
  name: string;
  path: string;
  kind: EntryKind;
}

/**
 * The entries of a folder, sorted by name.
 *
 * @throws InputError `code` with the path of the folder
 */
export async function readFolder(folder: string, code: ErrorCode = 'DATA_INVALID'): Promise<Entry[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    entries.sort((a, b) => byName(a.name, b.name));
    return await Promise.all(
      entries.map(async (entry) => {
        const path = join(folder, entry.name);
        return { name: entry.name, path, kind: await kindOf(entry, path) };
      }),
    );
  } catch (cause) {
    throw unreadable(folder, cause, code);
  }
}

export function ofKind(entries: readonly Entry[], kind: EntryKind): Entry[] {
  return entries.filter((entry) => entry.kind === kind);
}

async function kindOf(entry: Dirent, path: string): Promise<EntryKind> {
  if (HIDDEN.test(entry.name)) return 'hidden';
  const target = entry.isSymbolicLink() ? await stat(path).catch(() => null) : entry;
  if (target?.isDirectory()) return 'folder';
  if (IMAGE.test(entry.name)) return 'image';
  return target === null ? 'broken link' : 'other';
}

/**
 * Calls `onEntry` for every entry under a folder except subfolders, which are entered in the order of their names,
 * links to folders included. To avoid endless loops, folders that were entered before and the parents of `folder` are
 * reported as `repeated` and not entered.
 */
export async function walk(
  folder: string,
  onEntry: (entry: Pick<Entry, 'path'> & { kind: EntryKind | 'repeated' }) => unknown,
): Promise<void> {
  const above = [...foldersAbove(resolve(folder)), ...foldersAbove(await realpathOf(folder))];
  const entered = new Set(await Promise.all(above.map(identityOf)));
  async function enter(path: string): Promise<void> {
    const identity = await identityOf(path);
    if (entered.has(identity)) {
      onEntry({ path, kind: 'repeated' });
      return;
    }
    entered.add(identity);
    for (const entry of await readFolder(path)) {
      if (entry.kind === 'folder') await enter(entry.path);
      else onEntry(entry);
    }
  }
  await enter(folder);
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...foldersAbove(above)];
}

async function realpathOf(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (cause) {
    throw unreadable(folder, cause, 'DATA_INVALID');
  }
}

/** Identifies a folder independently of the path. */
async function identityOf(folder: string): Promise<string> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `${dev} ${ino}`;
  } catch (cause) {
    throw unreadable(folder, cause, 'DATA_INVALID');
  }
}
