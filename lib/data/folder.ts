import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ErrorCode } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { byName } from '../support/names.ts';

/** What is taken for an image. Those that cannot be read are named when they are decoded. */
const IMAGE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|heic|heif|bmp|p[bgnp]m|jp2|jxl)$/i;

/** Hidden, or what systems put beside the user's files. */
const HIDDEN = /^\.|^(__MACOSX|@eaDir|\$RECYCLE\.BIN|System Volume Information|lost\+found)$/;

/** Whether a file is taken for an image: it is not hidden, and is called like one. */
export function isImageName(path: string): boolean {
  return IMAGE.test(path) && !path.split(/[\\/]/).some((part) => HIDDEN.test(part));
}

/** What an entry of a folder is, or links to. */
export type EntryKind =
  | 'folder'
  /** Called like one: also a link to nothing, which is named when it cannot be read. */
  | 'image'
  /** A file of another kind. */
  | 'other'
  /** A link to nothing that is not called like an image. */
  | 'broken link'
  | 'hidden';

export interface Entry {
  name: string;
  path: string;
  kind: EntryKind;
}

/**
 * What a folder holds, by name.
 *
 * @throws InputError `code`, naming the folder
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
 * Calls back for all that is under a folder but the folders themselves, which are entered in the order of their names, links to
 * folders too. A folder that was met before, or that the first one lies in, is told of and not entered: such links go round.
 */
export async function walk(
  folder: string,
  onEntry: (entry: Pick<Entry, 'path'> & { kind: EntryKind | 'repeated' }) => unknown,
): Promise<void> {
  const above = [...foldersAbove(resolve(folder)), ...foldersAbove(await realpathOf(folder))];
  const met = new Set(await Promise.all(above.map(identityOf)));
  async function enter(path: string): Promise<void> {
    const identity = await identityOf(path);
    if (met.has(identity)) {
      onEntry({ path, kind: 'repeated' });
      return;
    }
    met.add(identity);
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

/** What tells a folder from all others, by whatever path it is reached. */
async function identityOf(folder: string): Promise<string> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    return `${dev} ${ino}`;
  } catch (cause) {
    throw unreadable(folder, cause, 'DATA_INVALID');
  }
}
