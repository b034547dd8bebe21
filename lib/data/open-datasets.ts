import { Dataset } from './dataset.ts';
import type { FilesDecodeOptions } from './image-files.ts';
import { type DataOptions, type ListedData, listData, listTestImages } from './source.ts';
import type { HeldOut } from './train-and-valid.ts';

/**
 * What `--data` names, as two data sets; `validation` says, for people, where the second comes from, `heldOut` what it took of
 * each class where it was held out of the first.
 */
export interface OpenedDatasets {
  train: Dataset;
  valid: Dataset;
  validation: string;
  heldOut: HeldOut[] | null;
}

/** The same before any image is decoded. */
export interface ListedDatasets extends Omit<ListedData, 'open'> {
  /** @throws what `openData` throws */
  open(): Promise<OpenedDatasets>;
}

/** @throws what `listData` throws */
export async function listDatasets(spec: string, options: DataOptions): Promise<ListedDatasets> {
  const listed = await listData(spec, options);
  const open = async () => {
    const { train, valid, validation, heldOut, ...origin } = await listed.open();
    return { train: Dataset.of(origin, train), valid: Dataset.of(origin, valid), validation, heldOut };
  };
  return { ...listed, open };
}

/** @throws what `openData` throws */
export async function openDatasets(spec: string, options: DataOptions): Promise<OpenedDatasets> {
  return (await listDatasets(spec, options)).open();
}

/**
 * The labelled images of what `--data` names for a model to be tested on, before they are decoded: those for
 * validation, where nothing tells them from others all.
 *
 * @throws what `listData` throws
 */
export async function listTestData(
  spec: string,
  options: FilesDecodeOptions,
): Promise<{ classes: readonly string[]; open(): Promise<Dataset> }> {
  const images = await listTestImages(spec);
  if (images !== null) {
    return { classes: images.classes, open: () => Dataset.fromFiles(images, options) };
  }
  const listed = await listDatasets(spec, options);
  const open = async () => {
    const { train, valid } = await listed.open();
    train.dispose();
    return valid;
  };
  return { classes: listed.classes, open };
}
