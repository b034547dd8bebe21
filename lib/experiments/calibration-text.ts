import type { Calibration } from '../model/calibration.ts';
import { TEMPERATURES } from '../model/temperature.ts';
import { percent } from '../support/format.ts';

/** A calibration in words: its temperature, and the measures before and after. */
export function calibrationText({ temperature, before, after }: Calibration): string {
  return (
    `temperature ${temperature.toPrecision(4)}; calibration error ${percent(before.calibrationError)} before, ` +
    `${percent(after.calibrationError)} after; loss ${before.loss.toFixed(4)} before, ${after.loss.toFixed(4)} after`
  );
}

/** What a temperature at its limit says, in a sentence. */
export const AT_LIMIT =
  `The loss has no minimum at a temperature from ${TEMPERATURES.min} to ${TEMPERATURES.max}, as when all validation ` +
  'images are classified correctly; the probabilities mean little. Validate with more images.';
