/** Mean, spread and uncertainty of repeated measurements. */
export interface Summary {
  mean: number;
  /** Standard deviation of the sample, with n - 1 in the denominator; 0 for a single value. */
  standardDeviation: number;
  /** 95 % confidence interval of the mean by Student's t; null for a single value. */
  interval95: [low: number, high: number] | null;
}

/** Summarises at least one value. */
export function summaryOf(values: readonly number[]): Summary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, standardDeviation: 0, interval95: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardDeviation = Math.sqrt(squares / (values.length - 1));
  const half = (tQuantile(values.length - 1) * standardDeviation) / Math.sqrt(values.length);
  return { mean, standardDeviation, interval95: [mean - half, mean + half] };
}

/** The same of shares: Student's t knows no bounds, but a mean of shares lies from 0 to 1. */
export function ofShares(summary: Summary): Summary {
  const { interval95 } = summary;
  return {
    ...summary,
    interval95: interval95 && [Math.max(0, interval95[0]), Math.min(1, interval95[1])],
  };
}

/** The middle value; of an even number of values the lower of the two in the middle. */
export function lowerMedian(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] as number;
}

/** 97.5 % quantiles of Student's t distribution for 1 to 30 degrees of freedom. */
const T_QUANTILES = [
  12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281, 2.201, 2.1788, 2.1604,
  2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.093, 2.086, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555,
  2.0518, 2.0484, 2.0452, 2.0423,
];

/**
 * 97.5 % quantile of Student's t distribution, to four digits; beyond the table by its expansion about the normal
 * distribution's (Abramowitz and Stegun 26.7.5).
 */
function tQuantile(degrees: number): number {
  const tabled = T_QUANTILES[degrees - 1];
  if (tabled !== undefined) return tabled;
  const z = 1.959963984540054;
  return z + (z ** 3 + z) / (4 * degrees) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2);
}
