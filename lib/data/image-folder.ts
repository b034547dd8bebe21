import { basename, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { isSameName, normalName, repeatedNames } from '../support/names.ts';
import { storedPath } from '../support/stored-path.ts';
import { READABLE_FORMATS } from './decoding/plain-image.ts';
import { type Entry, ofKind, readFolder, walk } from './folder.ts';
import type { ImageFiles } from './image-files.ts';
import { unknownClasses } from './labels.ts';
import { type LeftOut, nothingLeftOut } from './left-out.ts';
import { requireClassesNotParts } from './part-folders.ts';

/**
 * Lists the images of `directory/<class>/**`. Classes and files are in the order of their names' UTF-16 code units.
 * Links are followed. Hidden files and files without the extension of an image are left out.
 *
 * @param known classes that the labels refer to; by default the names of the folders
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID` with the path of the folder
 */
export async function listImageFolder(directory: string, known?: readonly string[]): Promise<ImageFiles> {
  const root = await storedPath(resolve(directory));
  const leftOut = nothingLeftOut();
  const folders = await classFolders(root, leftOut);
  const names = folders.map(({ name }) => normalName(name));
  const classes = known ?? names;
  requireKnown(root, names, classes);
  const files: string[] = [];
  const labels: bigint[] = [];
  for (const { name, path } of folders) {
    const label = BigInt(classes.findIndex((known) => isSameName(known, name)));
    for (const image of await imagesIn(path, leftOut)) {
      files.push(image);
      labels.push(label);
    }
  }
  return { source: root, classes, files, labels: BigInt64Array.from(labels), leftOut };
}

async function classFolders(root: string, leftOut: LeftOut): Promise<Entry[]> {
  const entries = await readFolder(root, 'DATA_NOT_FOUND');
  const folders = ofKind(entries, 'folder');
  leftOut.hidden += ofKind(entries, 'hidden').length;
  leftOut.others += ofKind(entries, 'other').length;
  leftOut.loose += ofKind(entries, 'image').length;
  leftOut.brokenLinks.push(...ofKind(entries, 'broken link').map(({ path }) => path));
  if (folders.length === 0) {
    throw new InputError('DATA_NOT_FOUND', `${root} contains no class folders; expected <class>/<image>.`);
  }
  await requireClassesNotParts(root, folders);
  const [duplicate] = repeatedNames(folders.map(({ name }) => name));
  if (duplicate !== undefined) {
    throw new InputError(
      'DATA_INVALID',
      `${root} contains two folders for the class '${normalName(duplicate[0])}', whose names differ only in how accents ` +
        `are stored (${duplicate.map(codePoints).join(' and ')}). Move their images into one folder.`,
    );
  }
  return folders;
}

/** The code points of a name, which distinguish names that look alike. */
function codePoints(name: string): string {
  const numbers = Array.from(name, (character) => character.codePointAt(0) as number);
  return numbers.map((number) => `U+${number.toString(16).toUpperCase().padStart(4, '0')}`).join(' ');
}

function requireKnown(root: string, found: string[], known: readonly string[]): void {
  const unknown = unknownClasses(found, known);
  if (unknown === null) return;
  throw new InputError('DATA_INVALID', `${root} contains folders of unknown classes: ${unknown}`);
}

async function imagesIn(classFolder: string, leftOut: LeftOut): Promise<string[]> {
  const images: string[] = [];
  let other: string | undefined;
  await walk(classFolder, ({ path, kind }) => {
    if (kind === 'image') images.push(path);
    else if (kind === 'hidden') leftOut.hidden++;
    else if (kind === 'repeated') leftOut.repeated.push(path);
    else if (kind === 'broken link') leftOut.brokenLinks.push(path);
    else {
      leftOut.others++;
      other ??= path;
    }
  });
  if (images.length > 0) return images;
  const example = other === undefined ? '' : `, only other files such as ${basename(other)}`;
  throw new InputError(
    'DATA_INVALID',
    `The class folder ${classFolder} contains no images${example}. Add some or remove it. Supported formats: ` +
      `${READABLE_FORMATS}.`,
  );
}
