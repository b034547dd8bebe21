import type { HostTensor } from '../engine/native-computation.ts';
import { TorchTlError } from '../errors.ts';
import type { HeadLayer } from '../options/head.ts';
import { evaluation } from './evaluate.ts';
import type { FeatureMatrix } from './extraction.ts';
import { rowsOf } from './logits.ts';
import { fitTemperature } from './temperature.ts';
import { lastLayerName } from './tensors.ts';

/** How well the probabilities agree with the labels of the images. */
export interface CalibrationMeasures {
  /** Mean cross-entropy per image, in nats. */
  loss: number;
  /** Expected calibration error, a fraction, as in `Evaluation`. */
  calibrationError: number;
}

/** Result of a calibration. */
export interface Calibration {
  /** The number by which the logits were divided, from 0.1 to 100; above 1 the model was too certain. */
  temperature: number;
  /**
   * Whether the temperature is the smallest or the largest one because the loss has no minimum between them, as when
   * all images are classified correctly. The probabilities then mean little.
   */
  isAtLimit: boolean;
  before: CalibrationMeasures;
  after: CalibrationMeasures;
}

/**
 * Fits the temperature to logits, and measures them before and after. The measures after are those of the divided
 * logits; no image passes through the network again.
 *
 * @param logits float32 `[count, classes]`
 * @param labels `[count]`, index of the true class of each image
 * @throws TorchTlError `LOSS_NOT_FINITE` for logits that are not finite
 */
export function calibrationOf(
  logits: FeatureMatrix,
  labels: readonly number[],
  classes: readonly string[],
): Calibration {
  requireFinite(logits);
  const fitted = fitTemperature(rowsOf(logits), labels);
  const measures = (matrix: FeatureMatrix): CalibrationMeasures => {
    const { loss, calibrationError } = evaluation(rowsOf(matrix), labels, classes);
    return { loss, calibrationError };
  };
  const after = measures(dividedLogits(logits, fitted.temperature));
  return { ...fitted, before: measures(logits), after };
}

/** Logits divided by a temperature, as float32. */
export function dividedLogits({ shape, data }: FeatureMatrix, temperature: number): FeatureMatrix {
  return { shape, data: data.map((logit) => logit / temperature) };
}

/**
 * The tensors of a model whose logits are divided by a temperature: weights and biases of the last dense layer are.
 * The others are the same objects.
 */
export function dividedTensors(
  tensors: readonly HostTensor[],
  head: readonly HeadLayer[],
  temperature: number,
): HostTensor[] {
  const name = lastLayerName(head);
  return tensors.map((tensor) =>
    tensor.name === `${name}.weight` || tensor.name === `${name}.bias`
      ? { ...tensor, data: divided(tensor.data, temperature) }
      : tensor,
  );
}

function divided({ buffer, byteOffset, byteLength }: Uint8Array, temperature: number): Uint8Array {
  const values = new Float32Array(buffer, byteOffset, byteLength / 4);
  return new Uint8Array(values.map((value) => value / temperature).buffer);
}

function requireFinite({ shape: [, classes = 1], data }: FeatureMatrix): void {
  const place = data.findIndex((logit) => !Number.isFinite(logit));
  if (place < 0) return;
  throw new TorchTlError(
    'LOSS_NOT_FINITE',
    `The model cannot be calibrated: its logits of image ${Math.floor(place / classes) + 1} are not finite. ` +
      'Train it again with a lower learning rate.',
  );
}
