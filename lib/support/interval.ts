import { percent } from './format.ts';

/** 97.5 % quantile of the normal distribution. */
const Z = 1.959963984540054;

/** The lowest and the highest value of a confidence interval, fractions. */
export type Interval = [low: number, high: number];

/**
 * Wilson's score interval of 95 % for a share of `count` images (Wilson 1927, https://doi.org/10.2307/2276774): the
 * lowest and the highest share that the images leave likely. `[0, 1]` without images.
 *
 * @param share fraction from 0 to 1
 */
export function wilsonInterval(share: number, count: number): Interval {
  if (count === 0) return [0, 1];
  const square = Z ** 2;
  const middle = (share + square / (2 * count)) / (1 + square / count);
  const half =
    (Z / (1 + square / count)) * Math.sqrt((share * (1 - share)) / count + square / (4 * count ** 2));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** What the numbers in parentheses after a share of images are. */
export const INTERVALS = 'In parentheses: 95 % confidence interval in %.';

/** A share of images with its interval, such as `57.00 % (47.2 to 66.3)`. */
export function shareText(share: number, count: number): string {
  const [low, high] = wilsonInterval(share, count).map((bound) => (bound * 100).toFixed(1));
  return `${percent(share)} (${low} to ${high})`;
}
