/*
 * Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599): logits divided by one number T > 0, which
 * changes no ranking, so that the probabilities agree with the accuracy.
 */

/** Smallest and largest temperature. Where the loss has no minimum, these are the ends. */
export const TEMPERATURES = { min: 0.1, max: 100 } as const;

export interface FittedTemperature {
  temperature: number;
  /**
   * Whether the loss would fall beyond the smallest or the largest temperature, so that it is at that one. With the
   * smallest, usually all images are classified correctly: the more certain the model then is, the lower the loss.
   */
  isAtLimit: boolean;
}

/** First and second derivative of the mean loss. */
type Derivatives = [slope: number, curvature: number];

const MAX_STEPS = 200;
const TOLERANCE = 1e-12;

/**
 * Finds the temperature with the lowest mean cross-entropy, in float64. The loss is convex in the inverse temperature,
 * the factor of the logits, so its slope there has at most one root, which Newton's method finds between limits. If the
 * loss does not depend on the temperature, it is 1.
 *
 * @param logits finite logits of each image, one per class
 * @param labels `[count]`, index of the true class of each image
 */
export function fitTemperature(
  logits: readonly Float32Array[],
  labels: readonly number[],
): FittedTemperature {
  const at = (factor: number) => derivatives(logits, labels, factor);
  if (at(1)[0] === 0) return { temperature: 1, isAtLimit: false };
  const { min, max } = TEMPERATURES;
  if (at(1 / min)[0] <= 0) return { temperature: min, isAtLimit: true };
  if (at(1 / max)[0] >= 0) return { temperature: max, isAtLimit: true };
  return { temperature: 1 / root(at, 1 / max, 1 / min), isAtLimit: false };
}

/** Root of a rising slope between two factors: Newton's steps, or halves in proportion where a step leads out. */
function root(at: (factor: number) => Derivatives, low: number, high: number): number {
  let factor = 1;
  for (let step = 0; step < MAX_STEPS; step++) {
    const [slope, curvature] = at(factor);
    if (slope === 0) return factor;
    if (slope < 0) low = factor;
    else high = factor;
    const newton = factor - slope / curvature;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    if (Math.abs(next - factor) <= TOLERANCE * factor) return next;
    factor = next;
  }
  return factor;
}

/** By the factor of the logits: mean over the images of E[z] - z[label], and of Var[z], under the probabilities. */
function derivatives(
  logits: readonly Float32Array[],
  labels: readonly number[],
  factor: number,
): Derivatives {
  let slope = 0;
  let curvature = 0;
  for (const [image, row] of logits.entries()) {
    // Distances from the largest logit, so that nothing overflows and equal logits cancel exactly.
    const largest = row.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    let first = 0;
    let second = 0;
    for (const logit of row) {
      const distance = logit - largest;
      const weight = Math.exp(factor * distance);
      sum += weight;
      first += weight * distance;
      second += weight * distance * distance;
    }
    const mean = first / sum;
    slope += mean - ((row[labels[image] as number] as number) - largest);
    curvature += second / sum - mean * mean;
  }
  return [slope / logits.length, curvature / logits.length];
}
