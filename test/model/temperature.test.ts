import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { calibrationOf, dividedLogits } from '../../lib/model/calibration.ts';
import { evaluation } from '../../lib/model/evaluate.ts';
import { fitTemperature } from '../../lib/model/temperature.ts';
import { packageRoot } from '../../lib/support/package-root.ts';

interface Case {
  logits: number[][];
  labels: number[];
  temperature: number;
  lossBefore: number;
  lossAfter: number;
}

const CASES: Record<string, Case> = JSON.parse(
  readFileSync(join(packageRoot, 'test', 'fixtures', 'temperature.json'), 'utf8'),
);

const rows = (logits: number[][]) => logits.map((row) => Float32Array.from(row));

const matrix = (logits: number[][]) => ({
  shape: [logits.length, logits[0]?.length ?? 0],
  data: Float32Array.from(logits.flat()),
});

const names = (logits: number[][]) => (logits[0] ?? []).map((_, index) => `class ${index}`);

describe('the temperature', () => {
  test.each(Object.entries(CASES))("is SciPy's and PyTorch's: %s", (_, { logits, labels, ...expected }) => {
    const { temperature, isAtLimit } = fitTemperature(rows(logits), labels);
    expect(isAtLimit).toBe(false);
    // The optimisers themselves stop at about 1e-8.
    expect(Math.abs(temperature / expected.temperature - 1)).toBeLessThan(1e-6);
    const calibration = calibrationOf(matrix(logits), labels, names(logits));
    expect(calibration.before.loss).toBeCloseTo(expected.lossBefore, 9);
    expect(calibration.after.loss).toBeCloseTo(expected.lossAfter, 6);
  });

  test('is at its lower limit where all predictions are right', () => {
    const logits = [
      [3, 1, 0],
      [0, 2, 1],
    ];
    expect(fitTemperature(rows(logits), [0, 1])).toEqual({ temperature: 0.1, isAtLimit: true });
    expect(fitTemperature(rows([[0.5, 0.4]]), [0])).toEqual({ temperature: 0.1, isAtLimit: true });
  });

  test('is at its upper limit where the labels are less likely than chance', () => {
    expect(fitTemperature(rows([[3, 1, 0]]), [2])).toEqual({ temperature: 100, isAtLimit: true });
  });

  test('is 1 where the loss does not depend on it', () => {
    expect(fitTemperature(rows([[2, 2, 2]]), [1])).toEqual({ temperature: 1, isAtLimit: false });
    // Sure beyond what float64 can tell from certainty.
    expect(fitTemperature(rows([[1e4, 0]]), [0])).toEqual({ temperature: 1, isAtLimit: false });
  });

  test('is finite for logits of any size', () => {
    const logits = rows([
      [1e30, -1e30],
      [1e30, -1e30],
      [1e30, -1e30],
    ]);
    expect(fitTemperature(logits, [0, 0, 1])).toEqual({ temperature: 100, isAtLimit: true });
    const tiny = rows([
      [1e-30, 0],
      [1e-30, 0],
    ]);
    expect(fitTemperature(tiny, [0, 0])).toEqual({ temperature: 0.1, isAtLimit: true });
  });

  test('has the lowest loss of all around it', () => {
    for (const { logits, labels } of Object.values(CASES)) {
      const { temperature } = fitTemperature(rows(logits), labels);
      const loss = (factor: number) => {
        const divided = rows(logits.map((row) => row.map((logit) => logit / (temperature * factor))));
        return evaluation(divided, labels, names(logits)).loss;
      };
      for (const factor of [0.5, 0.9, 0.98, 1.02, 1.1, 2]) expect(loss(factor)).toBeGreaterThan(loss(1));
    }
  });
});

describe('a calibration', () => {
  test('changes no ranking and lowers the calibration error of a model that is too certain', () => {
    const { logits, labels } = CASES['too certain'] as Case;
    const { temperature, before, after } = calibrationOf(matrix(logits), labels, names(logits));
    expect(after.loss).toBeLessThan(before.loss);
    expect(after.calibrationError).toBeLessThan(before.calibrationError / 2);
    const divided = dividedLogits(matrix(logits), temperature);
    const top = (data: Float32Array) =>
      logits.map((row, image) => {
        const own = [...data.subarray(image * row.length, (image + 1) * row.length)];
        return [...own.keys()].sort((a, b) => (own[b] as number) - (own[a] as number));
      });
    expect(top(divided.data)).toEqual(top(matrix(logits).data));
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    'of logits with %s is refused, naming the image',
    (logit) => {
      const logits = matrix([
        [1, 2],
        [0, logit],
      ]);
      expect(() => calibrationOf(logits, [0, 1], ['a', 'b'])).toThrow('its logits of image 2 are not finite');
    },
  );
});
