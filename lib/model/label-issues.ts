/** An image whose label looks wrong. */
export interface LabelIssue {
  /** Index of the image. */
  index: number;
  /** Index of the class that it is labelled as. */
  label: number;
  /** Index of the class that it looks like. */
  likelierLabel: number;
  /** Probability of that class. */
  probability: number;
  /** That probability less the label's: above 0, at most 1. */
  margin: number;
}

/** As in cleanlab: a probability of nearly the threshold reaches it, however sums are rounded. */
const TOLERANCE = 1e-6;

/** A label that looks wrong has less than this fraction of the likelier label's probability. */
const FRACTION = 0.1;

/**
 * Finds labels that look wrong by confident learning (Northcutt et al. 2021, https://arxiv.org/abs/1911.00068). The
 * threshold of a class is the mean probability that it gets from its own images. The confident joint counts the images
 * of each label by the likeliest class whose probability reaches its threshold; in proportion to the images of each
 * label it estimates how many labels are wrong, and how. An image is returned if both of these would prune it (C+NR in
 * the paper): it is among the images of its label with the lowest probability of that label, as many as are wrong; and
 * for another class, which is then the likelier label, among those with the largest margin over it, as many as belong
 * to that class. The paper knows no further condition; here the label must also be less than a tenth as probable as the
 * likelier one, since a weak model doubts too many labels (docs/decisions.md has figures).
 *
 * @param probabilities probabilities of each image, one per class, by a model that has not been trained on the image
 * @param labels `[count]`, index of the class that each image is labelled as
 * @returns the images with the largest margin first
 */
export function labelIssues(
  probabilities: ReadonlyArray<ArrayLike<number>>,
  labels: readonly number[],
): LabelIssue[] {
  const classes = probabilities[0]?.length ?? 0;
  const images = Array.from({ length: classes }, (): number[] => []);
  for (const [index, label] of labels.entries()) (images[label] as number[]).push(index);
  const joint = confidentJoint(probabilities, images);
  return images
    .flatMap((own, label) => issuesOf(label, own, joint[label] as number[], probabilities))
    .sort((a, b) => b.margin - a.margin || a.index - b.index);
}

/**
 * The confident joint: a row per label, with the number of its images that surely look like each class.
 *
 * @param images indices of the images of each label
 */
function confidentJoint(probabilities: ReadonlyArray<ArrayLike<number>>, images: number[][]): number[][] {
  const thresholds = images.map((own, label) => mean(own.map((index) => at(probabilities, index, label))));
  return images.map((own) => {
    const counts = images.map(() => 0);
    for (const index of own) {
      const likeliest = confidentClass(probabilities[index] as ArrayLike<number>, thresholds);
      if (likeliest !== null) counts[likeliest] = (counts[likeliest] as number) + 1;
    }
    return counts;
  });
}

/** The likeliest class among those that reach their threshold; null if none does. */
function confidentClass(row: ArrayLike<number>, thresholds: readonly number[]): number | null {
  let likeliest: number | null = null;
  for (const [place, threshold] of thresholds.entries()) {
    if ((row[place] as number) < threshold - TOLERANCE) continue;
    if (likeliest === null || (row[place] as number) > (row[likeliest] as number)) likeliest = place;
  }
  return likeliest;
}

/**
 * Issues among the images of one label.
 *
 * @param own indices of the images
 * @param counts the label's row of the confident joint
 */
function issuesOf(
  label: number,
  own: readonly number[],
  counts: readonly number[],
  probabilities: ReadonlyArray<ArrayLike<number>>,
): LabelIssue[] {
  const counted = sumOf(counts);
  if (counted === 0) return [];
  const ofAll = (count: number) => Math.round((count * own.length) / counted);
  const wrong = ofAll(counted - (counts[label] as number));
  const unlikely = new Set(lowest(own, (index) => at(probabilities, index, label), wrong));
  const found = new Map<number, LabelIssue>();
  for (const [likelierLabel, count] of counts.entries()) {
    if (likelierLabel === label) continue;
    const marginOf = (index: number) =>
      at(probabilities, index, likelierLabel) - at(probabilities, index, label);
    for (const index of lowest(own, (index) => -marginOf(index), ofAll(count))) {
      const margin = marginOf(index);
      const probability = at(probabilities, index, likelierLabel);
      const looksWrong = unlikely.has(index) && at(probabilities, index, label) < FRACTION * probability;
      if (!looksWrong || margin <= (found.get(index)?.margin ?? 0)) continue;
      found.set(index, { index, label, likelierLabel, probability, margin });
    }
  }
  return [...found.values()];
}

/** The indices with the `count` lowest values; of equal ones the first. */
function lowest(indices: readonly number[], value: (index: number) => number, count: number): number[] {
  if (count === 0) return [];
  return [...indices].sort((a, b) => value(a) - value(b)).slice(0, count);
}

/** Infinity without values: no probability reaches the threshold of a class without images. */
function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.POSITIVE_INFINITY : sumOf(values) / values.length;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function at(rows: ReadonlyArray<ArrayLike<number>>, row: number, column: number): number {
  return (rows[row] as ArrayLike<number>)[column] as number;
}
