import { expect, test } from 'vitest';
import { lowerMedian, ofShares, summaryOf } from '../../lib/support/statistics.ts';

test('the mean with its spread, and the interval of Student’s t as SciPy computes it', () => {
  // scipy.stats.t.interval(0.95, 4, loc=mean, scale=scipy.stats.sem(values))
  const { mean, standardDeviation, interval95 } = summaryOf([0.62, 0.65, 0.61, 0.66, 0.64]);
  expect(mean).toBeCloseTo(0.636, 12);
  expect(standardDeviation).toBeCloseTo(0.0207364413533277, 12);
  expect(interval95?.[0]).toBeCloseTo(0.6102524, 6);
  expect(interval95?.[1]).toBeCloseTo(0.6617476, 6);
});

test('a single value has no spread and no interval', () => {
  expect(summaryOf([3])).toEqual({ mean: 3, standardDeviation: 0, interval95: null });
});

test('the interval of a mean of shares stays within 0 to 1', () => {
  expect(ofShares(summaryOf([0.9, 1])).interval95).toEqual([expect.closeTo(0.95 - 12.7062 * 0.05, 9), 1]);
  expect(ofShares(summaryOf([0, 0.5])).interval95).toEqual([0, 1]);
  expect(ofShares(summaryOf([0.62, 0.65, 0.61]))).toEqual(summaryOf([0.62, 0.65, 0.61]));
  expect(ofShares(summaryOf([0.5])).interval95).toBeNull();
});

test.each([
  [31, 2.0395],
  [60, 2.0003],
  [200, 1.9719],
])('beyond the table the quantile for %d degrees of freedom is %d', (degrees, quantile) => {
  const values = Array.from({ length: degrees + 1 }, (_, index) => index % 7);
  const { mean, standardDeviation, interval95 } = summaryOf(values);
  const half = ((interval95?.[1] ?? 0) - mean) / (standardDeviation / Math.sqrt(values.length));
  expect(half).toBeCloseTo(quantile, 3);
});

test('the median is one of the values', () => {
  expect(lowerMedian([5, 1, 9])).toBe(5);
  expect(lowerMedian([4, 1, 9, 5])).toBe(4);
  expect(lowerMedian([2])).toBe(2);
});
