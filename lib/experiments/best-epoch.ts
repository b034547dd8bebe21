import type { Dataset } from '../data/dataset.ts';
import type { EpochMetrics } from '../engine/native-training.ts';
import { isAmongTop5 } from '../model/evaluate.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import { rowsOf } from '../model/logits.ts';
import { type Interval, wilsonInterval } from '../support/interval.ts';

/** What results.json says of the best epoch. */
export interface BestEpoch extends Pick<EpochMetrics, 'epoch' | 'validAccuracy' | 'validLoss' | 'monitored'> {
  /** 95 % Wilson interval of the accuracy; null if nothing is validated. */
  validAccuracyInterval95: Interval | null;
  /** Fraction of the images whose class is among the five likeliest; only with more than five classes. */
  validTop5Accuracy?: number;
  validTop5AccuracyInterval95?: Interval;
}

/** Classes from which on the five likeliest say something. */
const MORE_THAN = 5;

/** The best epoch of a validation with so many images. */
export function bestEpochOf(
  { epoch, validAccuracy, validLoss, monitored }: EpochMetrics,
  images: number,
): BestEpoch {
  return {
    epoch,
    validAccuracy,
    validAccuracyInterval95: validAccuracy === null ? null : wilsonInterval(validAccuracy, images),
    validLoss,
    ...(monitored !== undefined && { monitored }),
  };
}

/** The same with its top-5 accuracy, from its logits of the validation images, if they are known. */
export function withTop5(best: BestEpoch, valid: Dataset, logits: FeatureMatrix | null): BestEpoch {
  if (logits === null || valid.classes.length <= MORE_THAN) return best;
  const right = rowsOf(logits).filter((row, image) => isAmongTop5(row, Number(valid.labels[image])));
  const validTop5Accuracy = right.length / valid.count;
  return {
    ...best,
    validTop5Accuracy,
    validTop5AccuracyInterval95: wilsonInterval(validTop5Accuracy, valid.count),
  };
}
