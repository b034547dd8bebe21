import type { Dataset } from '../data/dataset.ts';
import { indicesOf } from '../data/labels.ts';
import { type Interval, wilsonInterval } from '../support/interval.ts';
import { logSoftmax, ranking, rowsOf } from './logits.ts';

/** Numbers of one class from which the rest follows. */
interface ClassScores {
  /** Name of the class. */
  label: string;
  /** Fraction of the images classified as this class that belong to it; 0 if there are none. */
  precision: number;
  /** Fraction of the images of this class that are classified as it; 0 if there are none. */
  recall: number;
  /** Harmonic mean of precision and recall; 0 if both are 0. */
  f1: number;
  /** Number of images of this class. */
  count: number;
}

/** Metrics of one class. */
export interface ClassMetrics extends ClassScores {
  /** 95 % Wilson interval of the precision; `[0, 1]` if no image is classified as this class. */
  precisionInterval95: Interval;
  /** 95 % Wilson interval of the recall; `[0, 1]` if there are no images of this class. */
  recallInterval95: Interval;
}

/** The answers of one bin of the calibration error. */
export interface ReliabilityBin {
  /** Mean probability of the likeliest class. */
  confidence: number;
  /** Fraction of these images whose likeliest class is the true one. */
  accuracy: number;
  /** Number of images, at least 1. */
  count: number;
}

const CALIBRATION_BINS = 15;

/** Metrics from which the rest of an evaluation follows. */
interface Scores {
  /** Fraction of the images whose likeliest class is the true one. */
  accuracy: number;
  /** Fraction of the images whose true class is among the five likeliest. */
  top5Accuracy: number;
  /** Mean cross-entropy per image, in nats. */
  loss: number;
  /**
   * Expected calibration error, a fraction: mean distance between the probability of the likeliest class and the
   * accuracy of predictions with that probability, over 15 bins of equal width (Guo et al. 2017,
   * https://arxiv.org/abs/1706.04599, section 2).
   */
  calibrationError: number;
  /**
   * The bins of the calibration error that hold images, by rising probability; empty in what earlier versions wrote.
   */
  reliability: ReliabilityBin[];
  /** Number of images. */
  count: number;
  /** Names of the model's classes. */
  classes: string[];
  /** Confusion matrix in numbers of images: a row per true class, a column per predicted class. */
  confusion: number[][];
  /** Metrics of each class, in the order of the classes. */
  perClass: ClassScores[];
}

/** Metrics of a model on labelled images. */
export interface Evaluation extends Scores {
  /** 95 % Wilson interval of the accuracy. */
  accuracyInterval95: Interval;
  /** 95 % Wilson interval of the top-5 accuracy. */
  top5AccuracyInterval95: Interval;
  /** Mean recall of the classes that have images (scikit-learn's `balanced_accuracy_score`). */
  balancedAccuracy: number;
  /** Mean F1 of the classes that have images or are predicted (scikit-learn's `f1_score`, macro). */
  macroF1: number;
  /** Metrics of each class, in the order of the classes. */
  perClass: ClassMetrics[];
}

/** Images of one class that are classified as another. */
export interface Confusion {
  /** Index of the true class. */
  label: number;
  /** Index of the predicted class. */
  predicted: number;
  /** Number of images. */
  images: number;
}

/**
 * Evaluates a model on labelled data. The classes of the data are matched with the model's by name.
 *
 * @param classes names of the model's classes
 * @param logits computes the model's logits of the data: `[count, classes]`
 * @throws InputError `INVALID_ARGUMENT`, naming the classes of the data that the model does not have; TorchTlError
 *   `DISPOSED`; what `logits` throws
 */
export async function evaluate(
  data: Dataset,
  classes: readonly string[],
  logits: () => Promise<{ shape: number[]; data: Float32Array }>,
): Promise<Evaluation> {
  const labels = labelsAmong(data, classes);
  return evaluation(rowsOf(await logits()), labels, classes);
}

/**
 * Labels of data as indices into a model's classes, which are matched by name.
 *
 * @throws InputError `INVALID_ARGUMENT`, naming the classes of the data that the model does not have
 */
export function labelsAmong(data: Dataset, classes: readonly string[]): number[] {
  const places = indicesOf(data.classes, classes);
  return Array.from(data.labels, (label) => Number(places[Number(label)]));
}

/**
 * Computes the metrics of logits and true classes, in float64.
 *
 * @param logits logits of each image, one per class
 * @param labels `[count]`, index of the true class of each image
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
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ confidence: 0, correct: 0, count: 0 }));
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
      bin.count++;
    }
    if (isAmongTop5(row, label)) inTop5++;
    (confusion[label] as number[])[predicted] = at(confusion, label, predicted) + 1;
  }
  const count = labels.length;
  return withDerived({
    accuracy: correct / count,
    top5Accuracy: inTop5 / count,
    loss: loss / count,
    calibrationError: bins.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.correct), 0) / count,
    reliability: bins.filter((bin) => bin.count > 0).map(meanOfBin),
    count,
    classes: [...classes],
    confusion,
    perClass: classes.map((label, index) => ({ label, ...metricsOf(index, confusion) })),
  });
}

/** Means of the answers of a bin from their sums. */
function meanOfBin(sums: { confidence: number; correct: number; count: number }): ReliabilityBin {
  const { count } = sums;
  return { confidence: sums.confidence / count, accuracy: sums.correct / count, count };
}

/** Adds what follows from the other metrics: intervals, and means over the classes. */
export function withDerived(scores: Scores): Evaluation {
  const { accuracy, top5Accuracy, count, confusion, perClass } = scores;
  return {
    ...scores,
    accuracyInterval95: wilsonInterval(accuracy, count),
    top5AccuracyInterval95: wilsonInterval(top5Accuracy, count),
    ...averagesOf(perClass, confusion),
    perClass: perClass.map((one, index) => ({
      ...one,
      precisionInterval95: wilsonInterval(one.precision, classifiedAs(index, confusion)),
      recallInterval95: wilsonInterval(one.recall, one.count),
    })),
  };
}

/** Whether the class is among the five likeliest, of equal ones the earlier. */
export function isAmongTop5(logits: Float32Array, label: number): boolean {
  const own = logits[label] as number;
  const before = logits.reduce(
    (sum, logit, index) => sum + (logit > own || (logit === own && index < label) ? 1 : 0),
    0,
  );
  return before < 5;
}

/**
 * Lists the off-diagonal entries of a confusion matrix, most images first.
 *
 * @param confusion numbers of images: a row per true class, a column per predicted class
 */
export function confusions(confusion: readonly (readonly number[])[]): Confusion[] {
  return confusion
    .flatMap((row, label) => row.map((images, predicted) => ({ label, predicted, images })))
    .filter(({ label, predicted, images }) => predicted !== label && images > 0)
    .sort((a, b) => b.images - a.images);
}

/** Means over the classes: of those with images, and of those with images or predictions. */
function averagesOf(
  perClass: readonly ClassScores[],
  confusion: readonly (readonly number[])[],
): Pick<Evaluation, 'balancedAccuracy' | 'macroF1'> {
  const seen = perClass.filter(({ count }) => count > 0);
  const named = perClass.filter(({ count }, index) => count > 0 || classifiedAs(index, confusion) > 0);
  return {
    balancedAccuracy: mean(seen.map(({ recall }) => recall)),
    macroF1: mean(named.map(({ f1 }) => f1)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Number of images that are classified as a class, by its index. */
export function classifiedAs(index: number, confusion: readonly (readonly number[])[]): number {
  return confusion.reduce((sum, row) => sum + (row[index] as number), 0);
}

function metricsOf(index: number, confusion: number[][]): Omit<ClassScores, 'label'> {
  const hits = at(confusion, index, index);
  const count = confusion.reduce((sum, _, predicted) => sum + at(confusion, index, predicted), 0);
  const predicted = classifiedAs(index, confusion);
  return {
    precision: ratio(hits, predicted),
    recall: ratio(hits, count),
    f1: ratio(2 * hits, count + predicted),
    count,
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function at(confusion: number[][], label: number, predicted: number): number {
  return (confusion[label] as number[])[predicted] as number;
}
