import type { Dataset } from '../data/dataset.ts';
import { indicesOf } from '../data/labels.ts';
import { logSoftmax, ranking, rowsOf } from './logits.ts';

export interface ClassMetrics {
  label: string;
  /** Of the images taken for this class, the fraction that are of it; 0 where none was. */
  precision: number;
  /** Of the images of this class, the fraction taken for it; 0 where there are none. */
  recall: number;
  /** Their harmonic mean; 0 where both are. */
  f1: number;
  /** Images of this class. */
  count: number;
}

const CALIBRATION_BINS = 15;

/** How well a model does on labelled images. Accuracies are fractions. */
export interface Evaluation {
  accuracy: number;
  /** The true class is among the five likeliest. */
  top5Accuracy: number;
  /** Natural-log cross-entropy, the mean over the images. */
  loss: number;
  /**
   * How far the probability of the likeliest class is from the accuracy of such answers, in the mean: expected
   * calibration error over 15 bins of equal width (Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2).
   */
  calibrationError: number;
  /** Images. */
  count: number;
  /** The model's. */
  classes: string[];
  /** Images by class: a row the true one, a column the predicted one. */
  confusion: number[][];
  perClass: ClassMetrics[];
}

/**
 * Evaluates a model of these classes, with which those of the data are matched by name.
 *
 * @param logits what the model makes of the data: `[count, classes]`
 * @throws InputError `INVALID_ARGUMENT` that names the data's classes that are unknown; TorchTlError
 *   `DISPOSED`; what `logits` throws
 */
export async function evaluate(
  data: Dataset,
  classes: readonly string[],
  logits: () => Promise<{ shape: number[]; data: Float32Array }>,
): Promise<Evaluation> {
  const places = indicesOf(data.classes, classes);
  const labels = Array.from(data.labels, (label) => Number(places[Number(label)]));
  return evaluation(rowsOf(await logits()), labels, classes);
}

/**
 * What logits say of images whose classes are known, computed in float64.
 *
 * @param logits of each image, one a class
 * @param labels `[count]`, indices into the classes
 */
export function evaluation(
  logits: readonly Float32Array[],
  labels: readonly number[],
  classes: readonly string[],
): Evaluation {
  const confusion = classes.map(() => classes.map(() => 0));
  let loss = 0;
  let correct = 0;
  let inTop5 = 0;
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ confidence: 0, correct: 0 }));
  for (const [image, label] of labels.entries()) {
    const row = logits[image] as Float32Array;
    const ranked = ranking(row);
    const predicted = ranked[0] as number;
    const logarithms = logSoftmax(row);
    loss -= logarithms[label] as number;
    if (predicted === label) correct++;
    const confidence = Math.exp(logarithms[predicted] as number);
    const bin = bins[Math.min(Math.floor(confidence * CALIBRATION_BINS), CALIBRATION_BINS - 1)];
    if (bin) {
      bin.confidence += confidence;
      bin.correct += predicted === label ? 1 : 0;
    }
    if (ranked.indexOf(label) < 5) inTop5++;
    (confusion[label] as number[])[predicted] = at(confusion, label, predicted) + 1;
  }
  const count = labels.length;
  return {
    accuracy: correct / count,
    top5Accuracy: inTop5 / count,
    loss: loss / count,
    calibrationError: bins.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.correct), 0) / count,
    count,
    classes: [...classes],
    confusion,
    perClass: classes.map((label, index) => ({ label, ...metricsOf(index, confusion) })),
  };
}

function metricsOf(index: number, confusion: number[][]): Omit<ClassMetrics, 'label'> {
  const hits = at(confusion, index, index);
  const count = confusion.reduce((sum, _, predicted) => sum + at(confusion, index, predicted), 0);
  const taken = confusion.reduce((sum, _, label) => sum + at(confusion, label, index), 0);
  return {
    precision: ratio(hits, taken),
    recall: ratio(hits, count),
    f1: ratio(2 * hits, count + taken),
    count,
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function at(confusion: number[][], label: number, predicted: number): number {
  return (confusion[label] as number[])[predicted] as number;
}
