import { type DataWarning, warn } from '../data/data-warning.ts';
import { Dataset } from '../data/dataset.ts';
import { InputError, invalidArgument } from '../errors.ts';
import type { Resize } from '../options/resize.ts';
import { isSameName } from '../support/names.ts';

/** The properties of a model that data must match. */
interface Model {
  classes: readonly string[];
  resize: Resize;
}

/**
 * Makes sure that an argument is an open data set.
 *
 * @param name name of the argument
 * @throws InputError `INVALID_ARGUMENT`; TorchTlError `DISPOSED`
 */
export function requireDataset(name: string, data: unknown): asserts data is Dataset {
  if (!(data instanceof Dataset)) throw invalidArgument(name, 'a Dataset', data);
  data.requireOpen();
}

/**
 * Makes sure that images were made square in the model's way, as `predict` does it.
 *
 * @throws InputError `INVALID_ARGUMENT`; TorchTlError `DISPOSED`
 */
export function requireResize(name: string, data: Dataset, { resize }: Model): void {
  requireDataset(name, data);
  if (data.resize === null || data.resize === resize) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `The images of ${name} were made square with resize '${data.resize}', but the model uses '${resize}'; ` +
      'read the images or create the model with the same.',
  );
}

/**
 * Warns of images that were read from files at another size than the model's. The engine resizes them again, without
 * antialiasing, so the model sees other pixels than `predict` shows it.
 */
export function warnOfSize(
  name: string,
  data: Dataset,
  { imageSize }: { imageSize: number },
  onWarning?: (warning: DataWarning) => void,
): void {
  if (data.resize === null || data.imageSize === imageSize) return;
  const message =
    `The images of ${name} were read at ${data.imageSize} x ${data.imageSize} pixels, but the model takes ` +
    `${imageSize} x ${imageSize}: they are resized again, so it sees other pixels than predict shows it. ` +
    `Read them with imageSize: ${imageSize}.`;
  warn({ kind: 'other-image-size', message }, onWarning);
}

/**
 * Makes sure that data has the model's classes in the model's order.
 *
 * @throws InputError `INVALID_ARGUMENT` if it has not; what `requireResize` throws
 */
export function requireClasses(name: string, data: Dataset, model: Model): void {
  requireResize(name, data, model);
  const { classes } = model;
  const same =
    data.classes.length === classes.length &&
    data.classes.every((label, index) => isSameName(label, classes[index] as string));
  if (same) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `The classes of ${name} (${data.classes.join(', ')}) are not the model's (${classes.join(', ')}); ` +
      'create the model with classes: train.classes.',
  );
}

/**
 * Makes sure that a model can be trained on data.
 *
 * @throws InputError `INVALID_ARGUMENT` for fewer than 2 images; what `requireClasses` throws
 */
export function requireTrainingData(data: Dataset, model: Model): void {
  requireClasses('train', data, model);
  if (data.count < 2) throw invalidArgument('train', 'a data set of at least 2 images', data.count);
}
