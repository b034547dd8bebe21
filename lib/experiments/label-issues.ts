import type { Dataset } from '../data/dataset.ts';
import { imageNameIn } from '../data/image-name.ts';
import { csvPath, csvRow } from '../formats/csv.ts';
import { dividedLogits } from '../model/calibration.ts';
import type { FeatureMatrix } from '../model/extraction.ts';
import { labelIssues } from '../model/label-issues.ts';
import { logSoftmax, rowsOf } from '../model/logits.ts';
import { fitTemperature } from '../model/temperature.ts';
import { imageImage } from './shown-images.ts';

/** An image whose label looks wrong, with the names of its file and classes. */
export interface NamedLabelIssue {
  /** Path of the file, relative to the folder or list that it comes from; for other data a description. */
  source: string;
  label: string;
  /** The class that the image looks like. */
  likelierLabel: string;
  /** Probability of that class. */
  probability: number;
  /** That probability less the label's: above 0, at most 1. */
  margin: number;
}

/** The images of a data set whose labels look wrong, as validation.json holds them. */
export interface LabelIssueReport {
  /** Number of such images. */
  count: number;
  /** Those with the largest margins, each as data URI of a WebP. */
  shown: Array<NamedLabelIssue & { image: string }>;
}

/** Number of images that a report shows. */
const SHOWN = 24;

const COLUMNS = ['path', 'label', 'likelierLabel', 'probability', 'margin'] as const;

/**
 * Finds the images of a data set whose labels look wrong, with their indices; those with the largest margin first. The
 * probabilities are those at the temperature with the lowest loss, so that a model that is too certain doubts no more
 * labels than another, and a calibrated one the same labels as before.
 *
 * @param logits finite float32 `[count, classes]` in the order of the data, by models that were not trained on the images
 */
export function labelIssuesOf(
  data: Dataset,
  logits: FeatureMatrix,
): Array<NamedLabelIssue & { index: number }> {
  const labels = Array.from(data.labels, Number);
  const { temperature } = fitTemperature(rowsOf(logits), labels);
  const probabilities = rowsOf(dividedLogits(logits, temperature)).map((row) =>
    logSoftmax(row).map(Math.exp),
  );
  return labelIssues(probabilities, labels).map(({ index, label, likelierLabel, probability, margin }) => ({
    index,
    source: imageNameIn(data, index),
    label: data.classes[label] as string,
    likelierLabel: data.classes[likelierLabel] as string,
    probability,
    margin,
  }));
}

/** The content of label-issues.csv: a heading, and a line per image. */
export function labelIssuesCsv(issues: readonly NamedLabelIssue[]): string {
  const lines = issues.map(({ source, label, likelierLabel, probability, margin }) =>
    csvRow([csvPath(source), label, likelierLabel, probability, margin]),
  );
  return [csvRow(COLUMNS), ...lines].map((line) => `${line}\r\n`).join('');
}

/**
 * The report of label issues, with their images.
 *
 * @throws sharp's errors; what `Dataset.pixelsAt` throws
 */
export async function labelIssueReport(
  data: Dataset,
  issues: ReadonlyArray<NamedLabelIssue & { index: number }>,
): Promise<LabelIssueReport> {
  const { imageSize: side } = data;
  const shown = issues.slice(0, SHOWN).map(async ({ index, ...issue }) => {
    const pixels = { data: await data.pixelsAt(index), width: side, height: side, channels: 3 } as const;
    return { ...issue, image: await imageImage(pixels) };
  });
  return { count: issues.length, shown: await Promise.all(shown) };
}
