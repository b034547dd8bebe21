import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { unreadable } from '../files.ts';
import { READABLE_FORMATS } from './decode.ts';
import { namedUnknown } from './labels.ts';
import type { PictureFiles } from './picture-files.ts';

/** What is taken for a picture. Those that cannot be read are named when they are decoded. */
const PICTURE = /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|heic|heif|bmp|p[bgnp]m|jp2|jxl)$/i;

/** Whether a file is taken for a picture: it is not hidden, and is called like one. */
export function isPictureName(path: string): boolean {
  return !/(^|[\\/])\./.test(path) && PICTURE.test(path);
}

/** What the folder or split of the validation pictures may be called; of several the first is taken. */
export const VALID_NAMES = ['valid', 'val', 'validation', 'test'];

const PARTS = new Set(['train', ...VALID_NAMES]);

/**
 * Lists `directory/<class>/**`. Classes and files come in the order of their names' UTF-16 code units.
 * Hidden files, and those that are no pictures by their names' endings, are left out.
 *
 * @param known classes that labels shall be indices of; by default the folders'
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID`, naming the folder
 */
export async function listPictureFolder(directory: string, known?: readonly string[]): Promise<PictureFiles> {
  const root = resolve(directory);
  const found = await classFolders(root);
  const classes = known ?? found;
  requireKnown(root, found, classes);
  const files: string[] = [];
  const labels: bigint[] = [];
  for (const name of found) {
    const label = BigInt(classes.indexOf(name));
    for (const path of await picturesIn(join(root, name))) {
      files.push(path);
      labels.push(label);
    }
  }
  return { source: root, classes, files, labels: BigInt64Array.from(labels) };
}

async function classFolders(root: string): Promise<string[]> {
  const entries = await visibleEntries(root, 'DATA_NOT_FOUND');
  const kinds = await Promise.all(entries.map((entry) => kindOf(root, entry)));
  const folders = entries.map(({ name }) => name).filter((_, index) => kinds[index] === 'directory');
  if (folders.length === 0) {
    throw new InputError('DATA_NOT_FOUND', `${root} holds no class folders; expected <class>/<picture>.`);
  }
  if (folders.includes('train') && folders.every((name) => PARTS.has(name))) {
    const paths = folders.map((name) => join(root, name)).join(' or ');
    throw new InputError('DATA_INVALID', `${root} holds parts of a data set, not classes; give ${paths}.`);
  }
  return folders;
}

function requireKnown(root: string, found: string[], known: readonly string[]): void {
  const unknown = namedUnknown(found, known);
  if (unknown === null) return;
  throw new InputError('DATA_INVALID', `${root} holds folders of unknown classes: ${unknown}`);
}

async function picturesIn(classFolder: string): Promise<string[]> {
  const others: string[] = [];
  const pictures: string[] = [];
  await walk(classFolder, (path) => (PICTURE.test(path) ? pictures : others).push(path));
  if (pictures.length > 0) return pictures;
  const instead = others[0] === undefined ? '' : ` but, for one, ${basename(others[0])}`;
  throw new InputError(
    'DATA_INVALID',
    `The class folder ${classFolder} holds no picture${instead}; add some or remove it. ${READABLE_FORMATS} are read.`,
  );
}

/** Calls back for the files under a directory. Of symbolic links only those to files are followed: no cycles. */
async function walk(directory: string, onFile: (path: string) => void): Promise<void> {
  for (const entry of await visibleEntries(directory, 'DATA_INVALID')) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await walk(path, onFile);
    else if ((await kindOf(directory, entry)) === 'file') onFile(path);
  }
}

/** By name. */
async function visibleEntries(directory: string, code: 'DATA_NOT_FOUND' | 'DATA_INVALID'): Promise<Dirent[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter(({ name }) => !name.startsWith('.'))
      .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  } catch (cause) {
    throw unreadable(directory, cause, code);
  }
}

/** What an entry is, or what it points to; a link to nothing is a file, which is named when it cannot be read. */
async function kindOf(directory: string, entry: Dirent): Promise<'file' | 'directory' | 'other'> {
  const path = join(directory, entry.name);
  const info = entry.isSymbolicLink() ? await stat(path).catch(() => null) : entry;
  if (info === null) return 'file';
  if (info.isDirectory()) return 'directory';
  return info.isFile() ? 'file' : 'other';
}
