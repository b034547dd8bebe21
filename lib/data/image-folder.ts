import { basename, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { isSameName, normalName, repeatedNames } from '../support/names.ts';
import { storedPath } from '../support/stored-path.ts';
import { READABLE_FORMATS } from './decoding/plain-image.ts';
import { type Entry, ofKind, readFolder, walk } from './folder.ts';
import type { ImageFiles } from './image-files.ts';
import { namedUnknown } from './labels.ts';
import { type LeftOut, nothingLeftOut } from './left-out.ts';
import { requireClassesNotParts } from './part-folders.ts';

/**
 * Lists `directory/<class>/**`. Classes and files come in the order of their names' UTF-16 code units; links are followed.
 * Hidden files, and those that are no images by their names' endings, are left out.
 *
 * @param known classes that labels shall be indices of; by default the folders'
 * @throws InputError `DATA_NOT_FOUND` or `DATA_INVALID`, naming the folder
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
    throw new InputError('DATA_NOT_FOUND', `${root} holds no class folders; expected <class>/<image>.`);
  }
  await requireClassesNotParts(root, folders);
  const [twice] = repeatedNames(folders.map(({ name }) => name));
  if (twice !== undefined) {
    throw new InputError(
      'DATA_INVALID',
      `${root} holds two folders of the class '${normalName(twice[0])}', whose accents are stored in two ways ` +
        `(${twice.map(codePoints).join(' and ')}); put their images into one.`,
    );
  }
  return folders;
}

/** A name by its characters' numbers, as those of two names that look alike. */
function codePoints(name: string): string {
  const numbers = Array.from(name, (character) => character.codePointAt(0) as number);
  return numbers.map((number) => `U+${number.toString(16).toUpperCase().padStart(4, '0')}`).join(' ');
}

function requireKnown(root: string, found: string[], known: readonly string[]): void {
  const unknown = namedUnknown(found, known);
  if (unknown === null) return;
  throw new InputError('DATA_INVALID', `${root} holds folders of unknown classes: ${unknown}`);
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
  const instead = other === undefined ? '' : ` but, for one, ${basename(other)}`;
  throw new InputError(
    'DATA_INVALID',
    `The class folder ${classFolder} holds no image${instead}; add some or remove it. ${READABLE_FORMATS} are read.`,
  );
}
