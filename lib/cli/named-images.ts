import { stat } from 'node:fs/promises';
import { basename, isAbsolute, sep } from 'node:path';
import { isImageName, walk } from '../data/folder.ts';
import { InputError } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { storedPath } from '../support/stored-path.ts';

/** On the command line the name of the image that comes through stdin. */
export const STDIN = '-';

/**
 * The images that arguments name: files, the images of folders and of the folders in them, and those that match a
 * pattern, which most shells expand themselves. Of the last two they come in the order of their names.
 *
 * @throws InputError `DATA_NOT_FOUND` where there is nothing, or no image
 */
export async function namedImages(names: readonly string[]): Promise<string[]> {
  const images = await Promise.all(names.map(imagesOf));
  return images.flat();
}

async function imagesOf(name: string): Promise<string[]> {
  if (name === STDIN) return [name];
  try {
    const stored = await storedPath(name);
    return (await stat(stored)).isDirectory() ? await imagesIn(stored) : [name];
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    if (isMissing && /[*?[]/.test(name)) return matchingImages(name);
    throw unreadable(name, cause, 'DATA_NOT_FOUND');
  }
}

async function imagesIn(folder: string): Promise<string[]> {
  const images: string[] = [];
  await walk(folder, ({ path, kind }) => kind === 'image' && images.push(path));
  if (images.length === 0) throw new InputError('DATA_NOT_FOUND', `${folder} holds no images.`);
  return images.sort();
}

async function matchingImages(pattern: string): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  // In a pattern only / divides folders.
  const matching = await glob(pattern.replaceAll(sep, '/'), {
    absolute: isAbsolute(pattern),
    expandDirectories: false,
  });
  const images = matching.filter((path) => isImageName(basename(path))).sort();
  if (images.length > 0) return images;
  throw new InputError(
    'DATA_NOT_FOUND',
    `No file is called '${pattern}', and no image matches it as a pattern; ** stands for folders in folders.`,
  );
}
