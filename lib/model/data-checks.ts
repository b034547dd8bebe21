import { Dataset } from '../data/dataset.ts';
import { InputError, invalidArgument } from '../errors.ts';
import type { Resize } from '../options/resize.ts';
import { isSameName } from '../support/names.ts';

/** What data must fit. */
interface Model {
  classes: readonly string[];
  resize: Resize;
}

/**
 * @param name what the caller knows the data as
 * @throws InputError `INVALID_ARGUMENT`; TorchTlError `DISPOSED`
 */
export function requireDataset(name: string, data: unknown): asserts data is Dataset {
  if (!(data instanceof Dataset)) throw invalidArgument(name, 'a Dataset', data);
  data.requireOpen();
}

/**
 * Predicting makes images square as the model says, so all others must have been made so.
 *
 * @throws InputError `INVALID_ARGUMENT`; TorchTlError `DISPOSED`
 */
export function requireResize(name: string, data: Dataset, { resize }: Model): void {
  requireDataset(name, data);
  if (data.resize === null || data.resize === resize) return;
  throw new InputError(
    'INVALID_ARGUMENT',
    `The images of ${name} were made square with resize '${data.resize}', the model's with '${resize}'; ` +
      'read the one or create the other with the same.',
  );
}

/** @throws InputError `INVALID_ARGUMENT` for classes that are not the model's, in its order, or as above */
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

/** @throws InputError `INVALID_ARGUMENT` for data that cannot be trained on */
export function requireTrainingData(data: Dataset, model: Model): void {
  requireClasses('train', data, model);
  if (data.count < 2) throw invalidArgument('train', 'a data set of at least 2 images', data.count);
}
