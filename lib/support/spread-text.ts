import { percent } from './format.ts';
import type { Summary } from './statistics.ts';

/*
 * Texts of repeated measurements; `-` where there is none. A single one has no deviation.
 */

/** Mean and standard deviation of shares, such as `38.00 % ± 2.00`. */
export function shareSpreadText(shares: Summary | null): string {
  return shares ? percent(shares.mean) + deviationText(shares, points) : '-';
}

/** 95 % interval of the mean of shares, such as `33.03 to 42.97 %`. */
export function meanIntervalText(shares: Summary | null): string {
  const interval = shares?.interval95;
  return interval ? `${points(interval[0])} to ${points(interval[1])} %` : '-';
}

/** Mean and standard deviation of losses, such as `2.0027 ± 0.0164`. */
export function lossSpreadText(losses: Summary | null): string {
  const text = (loss: number) => loss.toFixed(4);
  return losses ? text(losses.mean) + deviationText(losses, text) : '-';
}

function deviationText({ standardDeviation, interval95 }: Summary, text: (value: number) => string): string {
  return interval95 === null ? '' : ` ± ${text(standardDeviation)}`;
}

/** A fraction in percentage points, without the sign. */
function points(fraction: number): string {
  return (fraction * 100).toFixed(2);
}
