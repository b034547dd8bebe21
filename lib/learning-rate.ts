import type { LearningRatePoint } from './native.ts';

export interface LearningRateSearch {
  /** With rising learning rates, up to where the loss was four times its lowest. */
  points: LearningRatePoint[];
  /** The middle of the longest fall of the loss; null where it never fell. */
  suggestion: number | null;
}

/**
 * The learning rate in the middle of the longest fall of the smoothed loss: the longest subsequence
 * of falling losses (fastai's `valley`).
 */
export function suggestLearningRate(points: readonly LearningRatePoint[]): number | null {
  const fall = longestFall(points.map(({ smoothedLoss }) => smoothedLoss));
  if (fall.length < 2) return null;
  return points[fall[Math.floor(fall.length / 2)] as number]?.learningRate ?? null;
}

/** Indices of the longest subsequence of strictly falling values; of several the first that is found. */
function longestFall(values: readonly number[]): number[] {
  const lengths: number[] = [];
  const before: number[] = [];
  values.forEach((value, index) => {
    let best = -1;
    for (let earlier = 0; earlier < index; earlier += 1) {
      const falls = value < (values[earlier] as number);
      if (falls && (best < 0 || (lengths[earlier] as number) > (lengths[best] as number))) best = earlier;
    }
    lengths.push(best < 0 ? 1 : (lengths[best] as number) + 1);
    before.push(best);
  });
  const fall: number[] = [];
  for (let index = lengths.indexOf(Math.max(...lengths)); index >= 0; index = before[index] as number) {
    fall.unshift(index);
  }
  return fall;
}
