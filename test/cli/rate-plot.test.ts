import { describe, expect, test } from 'vitest';
import { ratePlot } from '../../lib/cli/rate-plot.ts';

/** A loss that stays, falls from 1e-4 to 1e-2 and then runs away. */
const losses = [2.3, 2.3, 2.3, 2.3, 2, 1.7, 2.4, 6];
const points = losses.map((smoothedLoss, index) => ({
  learningRate: 10 ** (index - 7),
  loss: smoothedLoss,
  smoothedLoss,
}));

describe('ratePlot', () => {
  test('marks the suggestion above its rate', () => {
    const lines = ratePlot({ points, suggestion: 10 ** -3 }).split('\n');
    const ticks = lines.find((line) => line.includes('1e-3')) ?? '';
    const [marked = '', ...others] = lines.filter((line) => line.includes('●'));
    expect(others).toEqual([]);
    expect(marked).toContain('2.000');
    expect(Math.abs(marked.indexOf('●') - ticks.indexOf('1e-3'))).toBeLessThan(4);
  });

  test('has a tick for every power of ten, and cuts off where the loss has run away', () => {
    const text = ratePlot({ points, suggestion: null });
    expect(text).toMatch(/1e-7 +1e-6 +1e-5 +1e-4 +1e-3 +1e-2 +1e-1 *$/m);
    expect(text).toContain('2.400');
    expect(text).not.toContain('6.000');
    expect(text).not.toContain('●');
  });

  test('shows all of a loss that only rose', () => {
    const rising = points.map((point, index) => ({ ...point, smoothedLoss: 1 + index }));
    expect(ratePlot({ points: rising, suggestion: null })).toContain('8.000');
  });

  test('is no wider than it may be', () => {
    for (const columns of [60, 120]) {
      const widths = ratePlot({ points, suggestion: 1e-3 }, columns)
        .split('\n')
        .map((line) => line.length);
      expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
      expect(Math.max(...widths)).toBeGreaterThan(columns - 10);
    }
  });
});
