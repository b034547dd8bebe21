import { resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { looseName } from '../support/names.ts';
import { type Entry, ofKind, readFolder, walk } from './folder.ts';
import { type Part, partOf, VALIDATION_PARTS } from './parts.ts';

/** The parts of a folder of images; each contains class folders. */
export interface PartFolders {
  train: Entry | null;
  /** The folder to validate or test with. */
  valid: Entry | null;
  /** Paths of all other folders. */
  unused: string[];
}

/**
 * Finds the parts of a folder of images; null if its subfolders are classes. A subfolder named like a part is a part
 * only if it contains folders: `train` next to `car` and `bus` is a class if it contains only images.
 *
 * @param preferred the parts to validate or test with, in order of preference
 * @throws InputError `DATA_NOT_FOUND`; `DATA_INVALID` if several folders may be meant, with their paths
 */
export async function partFolders(
  directory: string,
  preferred: readonly Part[] = VALIDATION_PARTS,
): Promise<PartFolders | null> {
  const root = resolve(directory);
  const folders = ofKind(await readFolder(root, 'DATA_NOT_FOUND'), 'folder');
  const called = folders.filter(({ name }) => partOf(name) !== null);
  const contents = await Promise.all(called.map(({ path }) => readFolder(path)));
  const divided = called.filter((_, index) => ofKind(contents[index] as Entry[], 'folder').length > 0);
  const others = folders.filter((folder) => !divided.includes(folder));
  if (called.length === 0 || (divided.length === 0 && called.length < folders.length)) return null;
  if (divided.length === 0) throw partsWithoutClasses(root, called);
  const [train = null, ...moreTrain] = ofPart(divided, ['train']);
  if (train !== null && moreTrain.length > 0) throw ambiguous(root, 'for training', [train, ...moreTrain]);
  const valid = validationFolder(root, divided, preferred);
  if (train === null || valid === null) await requireWithoutImages(root, divided, others);
  const used = [train, valid];
  return {
    train: train && (await unwrapped(train)),
    valid: valid && (await unwrapped(valid)),
    unused: folders.filter((folder) => !used.includes(folder)).map(({ path }) => path),
  };
}

function ofPart(folders: readonly Entry[], parts: readonly Part[]): Entry[] {
  return folders.filter(({ name }) => parts.includes(partOf(name) as Part));
}

function validationFolder(root: string, folders: readonly Entry[], preferred: readonly Part[]): Entry | null {
  for (const part of preferred) {
    const [first, ...more] = ofPart(folders, [part]);
    if (first === undefined) continue;
    if (more.length > 0) throw ambiguous(root, 'for validation', [first, ...more]);
    return first;
  }
  return null;
}

/** The inner folder of `seg_train/seg_train/<class>`, a layout that unpacked archives often have. */
async function unwrapped(folder: Entry): Promise<Entry> {
  const entries = await readFolder(folder.path);
  const [inner, ...more] = ofKind(entries, 'folder');
  const isWrapper =
    inner !== undefined &&
    more.length === 0 &&
    ofKind(entries, 'image').length === 0 &&
    partOf(inner.name) === partOf(folder.name) &&
    ofKind(await readFolder(inner.path), 'folder').length > 0;
  return isWrapper ? inner : folder;
}

/** Refuses image folders next to a single part: they may all be classes, one of them named like a part. */
async function requireWithoutImages(root: string, parts: Entry[], others: Entry[]): Promise<void> {
  for (const { name, path } of others) {
    if (!(await holdsImage(path))) continue;
    if (partOf(name) !== null) throw withoutClasses(path, parts);
    const names = parts.map((part) => part.name).join(', ');
    throw new InputError(
      'DATA_INVALID',
      `${root} contains ${names}, named like a part of a data set, next to ${name}, which contains images too: it is ` +
        `unclear whether they are parts or classes. Use ${parts.map((part) => part.path).join(' or ')}, or rename one.`,
    );
  }
}

async function holdsImage(folder: string): Promise<boolean> {
  let found = false;
  await walk(folder, ({ kind }) => {
    found ||= kind === 'image';
  });
  return found;
}

/** The error for a validation folder whose images are not in class folders. */
function withoutClasses(path: string, parts: readonly Entry[]): InputError {
  const others = parts.map((part) => part.path).join(' or ');
  return new InputError(
    'DATA_INVALID',
    `${path} contains images, but no class folders; expected <class>/<image> in it. To ignore it, use ${others}.`,
  );
}

function partsWithoutClasses(root: string, parts: readonly Entry[]): InputError {
  const [{ name } = { name: 'train' }] = parts;
  const names = parts.map((part) => part.name).join(', ');
  return new InputError(
    'DATA_INVALID',
    `${root} contains parts of a data set (${names}) without class folders; expected ${name}/<class>/<image>, ` +
      'or a list (.csv) that names the class of each image.',
  );
}

function ambiguous(root: string, purpose: string, folders: readonly Entry[]): InputError {
  const paths = folders.map(({ path }) => path).join(' or ');
  return new InputError(
    'DATA_INVALID',
    `${root} contains several folders ${purpose}. Use ${paths}, or rename all but one.`,
  );
}

/**
 * Refuses folders that look like parts of a data set instead of classes: all are named like parts, or each contains
 * only folders, of the same names.
 *
 * @throws InputError `DATA_INVALID` with the folders to use instead
 */
export async function requireClassesNotParts(root: string, folders: readonly Entry[]): Promise<void> {
  const paths = folders.slice(0, 5).map(({ path }) => path);
  const remedy = `use ${paths.join(' or ')}`;
  if (folders.every(({ name }) => partOf(name) !== null)) {
    throw new InputError('DATA_INVALID', `${root} contains parts of a data set, not classes; ${remedy}.`);
  }
  const shared = await sharedFolders(folders);
  if (shared.length < 2) return;
  const names = `${shared.slice(0, 5).join(', ')}${shared.length > 5 ? ', ...' : ''}`;
  if (shared.every((name) => partOf(name) !== null)) {
    throw new InputError(
      'DATA_INVALID',
      `Each class of ${root} contains parts of a data set (${names}); expected train/<class>/<image>, or a list (.csv) ` +
        'that names the class and split of each image.',
    );
  }
  throw new InputError(
    'DATA_INVALID',
    `Every folder of ${root} contains folders of the same names (${names}), so they look like parts of a data set, not ` +
      `classes; ${remedy}, or list the images with their classes (.csv).`,
  );
}

/**
 * The names of subfolders that all these folders share. Empty if a folder contains images itself or lacks a name that
 * the folder with the fewest subfolders has.
 */
async function sharedFolders(folders: readonly Entry[]): Promise<string[]> {
  if (folders.length < 2) return [];
  let shared: Map<string, string> | null = null;
  for (const { path } of folders) {
    const entries = await readFolder(path);
    const inside = ofKind(entries, 'folder').map(({ name }) => [looseName(name), name] as const);
    if (inside.length === 0 || ofKind(entries, 'image').length > 0) return [];
    const here = new Map(inside);
    if (shared === null) shared = here;
    else {
      const common: Map<string, string> = new Map([...shared].filter(([key]) => here.has(key)));
      if (common.size < Math.min(shared.size, here.size)) return [];
      shared = common;
    }
  }
  return [...(shared?.values() ?? [])];
}
