import { describe, expect, test } from 'vitest';
import { shareText, wilsonInterval } from '../../lib/support/interval.ts';

describe('wilsonInterval', () => {
  // The bounds solve |hits / count - p| = 1.96 sqrt(p (1 - p) / count), which is Wilson's definition.
  test.for([
    [0, 10, 0, 0.277533],
    [1, 10, 0.017876, 0.40415],
    [5, 10, 0.236593, 0.763407],
    [10, 10, 0.722467, 1],
    [46, 60, 0.645637, 0.855604],
    [9272, 10_000, 0.921942, 0.93213],
  ] as const)('of %i of %i images', ([hits, count, low, high]) => {
    const [lowest, highest] = wilsonInterval(hits / count, count);
    expect(lowest).toBeCloseTo(low, 5);
    expect(highest).toBeCloseTo(high, 5);
    for (const p of [lowest, highest]) {
      expect(Math.abs(hits / count - p)).toBeCloseTo(1.959964 * Math.sqrt((p * (1 - p)) / count), 5);
    }
  });

  test('covers the true share in nineteen of twenty draws', () => {
    const [count, share] = [40, 0.7];
    let covered = 0;
    let state = 1;
    const random = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const draws = 4000;
    for (let draw = 0; draw < draws; draw++) {
      const hits = Array.from({ length: count }, random).filter((value) => value < share).length;
      const [low, high] = wilsonInterval(hits / count, count);
      if (low <= share && share <= high) covered++;
    }
    expect(covered / draws).toBeGreaterThan(0.93);
    expect(covered / draws).toBeLessThan(0.97);
  });

  test('says nothing without images', () => {
    expect(wilsonInterval(0, 0)).toEqual([0, 1]);
  });
});

test('a share is shown with its interval', () => {
  expect(shareText(46 / 60, 60)).toBe('76.67 % (64.6 to 85.6)');
});
