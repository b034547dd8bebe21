import { stat } from 'node:fs/promises';
import { basename, isAbsolute, sep } from 'node:path';
import { isImageName, walk } from '../data/folder.ts';
import { InputError } from '../errors.ts';
import { unreadable } from '../support/files.ts';
import { storedPath } from '../support/stored-path.ts';

/** Argument that stands for an image on stdin. */
export const STDIN = '-';

/**
 * Resolves arguments to images: files, all images in folders and their subfolders, and images that match a pattern,
 * which most shells expand themselves. Images of a folder or a pattern are sorted by name.
 *
 * @throws InputError `DATA_NOT_FOUND` if an argument names nothing, or a folder without images
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
  if (images.length === 0)
    throw new InputError(
      'DATA_NOT_FOUND',
      `${folder} contains no images. Give a folder with images, or image files.`,
    );
  return images.sort();
}

async function matchingImages(pattern: string): Promise<string[]> {
  const { glob } = await import('tinyglobby');
  // Patterns use / as the separator on every system.
  const matching = await glob(pattern.replaceAll(sep, '/'), {
    absolute: isAbsolute(pattern),
    expandDirectories: false,
  });
  const images = matching.filter((path) => isImageName(basename(path))).sort();
  if (images.length > 0) return images;
  throw new InputError(
    'DATA_NOT_FOUND',
    `There is no file '${pattern}', and no image matches it as a pattern. Use ** to match any number of subfolders.`,
  );
}
