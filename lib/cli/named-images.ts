import { stat } from 'node:fs/promises';
import { basename, isAbsolute, sep } from 'node:path';
import { isPictureName, walk } from '../data/folder.ts';
import { InputError } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { storedPath } from '../support/stored-path.ts';

/** On the command line the name of the picture that comes through stdin. */
export const STDIN = '-';

/**
 * The pictures that arguments name: files, the pictures of folders and of the folders in them, and those that match a
 * pattern, which most shells expand themselves. Of the last two they come in the order of their names.
 *
 * @throws InputError `DATA_NOT_FOUND` where there is nothing, or no picture
 */
export async function namedPictures(names: readonly string[]): Promise<string[]> {
  const pictures = await Promise.all(names.map(picturesOf));
  return pictures.flat();
}

async function picturesOf(name: string): Promise<string[]> {
  if (name === STDIN) return [name];
  try {
    const stored = await storedPath(name);
    return (await stat(stored)).isDirectory() ? await picturesIn(stored) : [name];
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && /[*?[]/.test(name)) return matchingPictures(name);
    throw unreadable(name, cause, 'DATA_NOT_FOUND');
  }
}

async function picturesIn(folder: string): Promise<string[]> {
  const pictures: string[] = [];
  await walk(folder, ({ path, kind }) => kind === 'picture' && pictures.push(path));
  if (pictures.length === 0) throw new InputError('DATA_NOT_FOUND', `${folder} holds no pictures.`);
  return pictures.sort();
}

async function matchingPictures(pattern: string): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  // In a pattern only / divides folders.
  const matching = await glob(pattern.replaceAll(sep, '/'), {
    absolute: isAbsolute(pattern),
    expandDirectories: false,
  });
  const pictures = matching.filter((path) => isPictureName(basename(path))).sort();
  if (pictures.length > 0) return pictures;
  throw new InputError(
    'DATA_NOT_FOUND',
    `No file is called '${pattern}', and no picture matches it as a pattern; ** stands for folders in folders.`,
  );
}
