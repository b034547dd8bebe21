import { expect, test } from 'vitest';
import { linearScale, logScale, spansDecades } from '../../lib/report/scale.ts';

test('ticks are round numbers that enclose the values', () => {
  const { ticks, place } = linearScale([0.42, 0.997]);
  expect(ticks).toEqual([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
  expect(place(0.4)).toBeCloseTo(0, 12);
  expect(place(0.7)).toBeCloseTo(0.5, 12);
  expect(place(1)).toBeCloseTo(1, 12);
});

test('a tight scale ends at the values, with whole ticks between them', () => {
  const { ticks, place } = linearScale([1, 32], { tight: true, whole: true });
  expect(ticks).toEqual([10, 20, 30]);
  expect([place(1), place(32)]).toEqual([0, 1]);
  expect(linearScale([1, 3], { tight: true, whole: true }).ticks).toEqual([1, 2, 3]);
});

test('equal values lie in the middle', () => {
  for (const value of [0, 1, 1e-5, 1e30]) {
    const { ticks, place } = linearScale([value, value], { tight: true });
    expect(place(value)).toBeCloseTo(0.5, 6);
    expect(ticks.every(Number.isFinite)).toBe(true);
  }
  expect(linearScale([1], { tight: true, whole: true }).ticks).toEqual([0, 1, 2]);
});

test('values that are all but equal are not looked at more closely', () => {
  expect(linearScale([0.8, 0.8]).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
  expect(linearScale([2.25, 2.2501]).ticks).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
  expect(linearScale([-2, -2]).ticks).toEqual([-2, -1.5, -1, -0.5, 0]);
  expect(linearScale([0]).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
});

test('a logarithmic scale has powers of ten', () => {
  const { ticks, place } = logScale([1e-5, 1e-3]);
  expect(ticks).toEqual([1e-5, 1e-4, 1e-3]);
  expect(place(1e-4)).toBeCloseTo(0.5, 9);
  expect(logScale([1e-30, 1]).ticks.length).toBeLessThan(8);
});

test('only values above 0 that differ tenfold need one', () => {
  expect(spansDecades([1e-3, 1e-4])).toBe(true);
  expect(spansDecades([1e-3, 5e-4])).toBe(false);
  expect(spansDecades([0, 1])).toBe(false);
});
