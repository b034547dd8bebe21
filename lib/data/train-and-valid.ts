import { join } from 'node:path';
import type { DecodeOptions } from './decode-all.ts';
import { indicesPerClass } from './limit.ts';
import { decodeFolder, listPictureFolder, type PictureFolder, selectFiles } from './picture-folder.ts';
import type { PictureSet } from './picture-set.ts';
import { splitPerClass } from './split.ts';

/** What the folder of the validation pictures may be called; of several the first is taken. */
const VALID_FOLDERS = ['valid', 'val', 'test'];

const TRAINING_SHARE = 0.8;

interface Options {
  limits: { train?: number | undefined; valid?: number | undefined };
  /** Draws the validation pictures where there is no folder of them. */
  seed: number;
  decoding: DecodeOptions;
}

/**
 * Reads `train/<class>/*` and `valid/<class>/*` (or `val`, or `test`). Where there is no validation
 * folder, a fifth of each training class is held out.
 *
 * @param names what `directory` holds
 * @throws what `listPictureFolder`, `splitPerClass` and `decodeFolder` throw
 */
export async function openTrainAndValid(
  directory: string,
  names: string[],
  { limits, seed, decoding }: Options,
): Promise<{ classes: readonly string[]; train: PictureSet; valid: PictureSet; validation: string }> {
  const all = await listPictureFolder(join(directory, 'train'));
  const validName = VALID_FOLDERS.find((name) => names.includes(name));
  const [train, valid] = validName
    ? [all, await listPictureFolder(join(directory, validName), all.classes)]
    : holdOut(all, seed);
  const chosen = [limited(train, limits.train), limited(valid, limits.valid)] as const;
  return {
    classes: all.classes,
    train: await decodeFolder(chosen[0], decoding),
    valid: await decodeFolder(chosen[1], decoding),
    validation: validName ? `${validName}/` : `a fifth of each class of train/, drawn with seed ${seed}`,
  };
}

function holdOut(all: PictureFolder, seed: number): [PictureFolder, PictureFolder] {
  const [first, rest] = splitPerClass(all.labels, TRAINING_SHARE, seed);
  return [selectFiles(all, first), selectFiles(all, rest)];
}

function limited(folder: PictureFolder, limit: number | undefined): PictureFolder {
  return limit === undefined ? folder : selectFiles(folder, indicesPerClass(folder.labels, limit));
}
