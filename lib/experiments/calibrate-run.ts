import type { Dataset } from '../data/dataset.ts';
import { type Calibration, calibrationOf, dividedLogits } from '../model/calibration.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import type { PreparedRun } from './train-into.ts';

/*
 * The calibration of a run that has ended by itself, with `calibrate`. Its checkpoint keeps the weights of the training,
 * so that a run that is resumed, or was killed meanwhile, is calibrated from those again and never twice.
 */

export interface CalibratedRun {
  calibration: Calibration | null;
  /** The model's logits of the validation images, after the calibration. */
  logits: FeatureMatrix | null;
}

/**
 * Calibrates the run's model, if the options ask for it. Of a cross-validation only the last model is calibrated.
 *
 * @param validated the images that judge the run, and their logits, float32 `[count, classes]`; null if they must be
 *   computed
 * @throws TorchTlError `LOSS_NOT_FINITE`; what `DenseNet121.logits` throws
 */
export async function calibrateRun(
  { model, options, setup: { precision }, signal }: PreparedRun,
  validated: { data: Dataset; logits: FeatureMatrix | null },
): Promise<CalibratedRun> {
  if (!options.calibrate || options.fold !== undefined)
    return { calibration: null, logits: validated.logits };
  const { data } = validated;
  const logits = validated.logits ?? (await model.logits(data, { precision, signal }));
  const calibration = calibrationOf(logits, Array.from(data.labels, Number), data.classes);
  await model.divideLogits(calibration.temperature);
  return { calibration, logits: dividedLogits(logits, calibration.temperature) };
}
