import { Dataset } from './dataset.ts';
import type { FilesDecodeOptions } from './image-files.ts';
import { type DataOptions, type ListedData, listData, listTestImages } from './source.ts';
import type { HeldOut } from './train-and-valid.ts';

/**
 * The data that `--data` names, as two data sets. `validation` says where the validation images come from; `heldOut`
 * has the held-out images per class, or is null if the data has its own validation images. If nothing is validated,
 * `valid` is empty.
 */
export interface OpenedDatasets {
  train: Dataset;
  valid: Dataset;
  validation: string;
  heldOut: HeldOut[] | null;
}

/** Data sets whose images are not yet decoded. */
export interface ListedDatasets extends Omit<ListedData, 'open'> {
  /** @throws errors of `openData` */
  open(): Promise<OpenedDatasets>;
}

/** @throws errors of `listData` */
export async function listDatasets(spec: string, options: DataOptions): Promise<ListedDatasets> {
  const listed = await listData(spec, options);
  const open = async () => {
    const { train, valid, validation, heldOut, ...origin } = await listed.open();
    return { train: Dataset.of(origin, train), valid: Dataset.of(origin, valid), validation, heldOut };
  };
  return { ...listed, open };
}

/** @throws errors of `openData` */
export async function openDatasets(spec: string, options: DataOptions): Promise<OpenedDatasets> {
  return (await listDatasets(spec, options)).open();
}

/** A data set for testing a model, whose images are not yet decoded. */
export interface ListedTestData {
  classes: readonly string[];
  /** @throws errors of `openData` */
  open(): Promise<{ data: Dataset; which: string }>;
}

/**
 * Lists the images for testing a model, without decoding them: the test images of the data that `--data` names, else its
 * validation images, or all images if it has no parts. `which` says which they are, as a phrase for people.
 *
 * @throws errors of `listData`
 */
export async function listTestData(spec: string, options: FilesDecodeOptions): Promise<ListedTestData> {
  const test = await listTestImages(spec);
  if (test !== null) {
    const { images, which } = test;
    return {
      classes: images.classes,
      open: async () => ({ data: await Dataset.fromFiles(images, options), which }),
    };
  }
  const listed = await listDatasets(spec, options);
  const open = async () => {
    const { train, valid, validation } = await listed.open();
    train.dispose();
    return { data: valid, which: validation };
  };
  return { classes: listed.classes, open };
}
