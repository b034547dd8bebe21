import type { FilesDecodeOptions } from './data/picture-files.ts';
import { type DataOptions, listTestPictures, openData } from './data/source.ts';
import type { HeldOut } from './data/train-and-valid.ts';
import { Dataset } from './dataset.ts';

/**
 * What `--data` names, as two data sets; `validation` says, for people, where the second comes from, `heldOut` what it took of
 * each class where it was held out of the first.
 *
 * @throws what `openData` throws
 */
export async function openDatasets(
  spec: string,
  options: DataOptions,
): Promise<{ train: Dataset; valid: Dataset; validation: string; heldOut: HeldOut[] | null }> {
  const { train, valid, validation, heldOut, ...origin } = await openData(spec, options);
  return { train: Dataset.of(origin, train), valid: Dataset.of(origin, valid), validation, heldOut };
}

/**
 * The labelled pictures of what `--data` names for a model to be tested on: those for validation, where nothing tells
 * them from others all.
 *
 * @throws what `openData` throws
 */
export async function openTestData(spec: string, options: FilesDecodeOptions): Promise<Dataset> {
  const pictures = await listTestPictures(spec);
  if (pictures !== null) return Dataset.fromFiles(pictures, options);
  const { train, valid } = await openDatasets(spec, options);
  train.dispose();
  return valid;
}
