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
 * Calibrates the run's model with the logits of its best epoch, if the options ask for it.
 *
 * @param bestLogits float32 `[count, classes]`; null if they must be computed
 * @throws TorchTlError `LOSS_NOT_FINITE`; what `DenseNet121.logits` throws
 */
export async function calibrateRun(
  { model, valid, options, setup: { precision }, signal }: PreparedRun,
  bestLogits: FeatureMatrix | null,
): Promise<CalibratedRun> {
  if (!options.calibrate) return { calibration: null, logits: bestLogits };
  const logits = bestLogits ?? (await model.logits(valid, { precision, signal }));
  const calibration = calibrationOf(logits, Array.from(valid.labels, Number), valid.classes);
  await model.divideLogits(calibration.temperature);
  return { calibration, logits: dividedLogits(logits, calibration.temperature) };
}
