import { expect, test } from 'vitest';
import { flagsOf } from '../../lib/report/moments.ts';

test('names that have room stand in one row', () => {
  const moments = [
    { name: 'best', x: 300 },
    { name: 'stage 2', x: 200 },
  ];
  expect(flagsOf(moments)).toEqual([
    { name: 'stage 2', x: 200, row: 0 },
    { name: 'best', x: 300, row: 0 },
  ]);
});

test('no line crosses a name: one left of another stands below it', () => {
  const moments = ['resumed', 'stage 2', 'best', 'resumed'].map((name, index) => ({
    name,
    x: 100 + 20 * index,
  }));
  expect(flagsOf(moments)?.map(({ row }) => row)).toEqual([0, 1, 2, 3]);
  const same = [
    { name: 'best', x: 100 },
    { name: 'resumed', x: 100 },
  ];
  expect(flagsOf(same)?.map(({ row }) => row)).toEqual([0, 1]);
});

test('names that take too many rows have none', () => {
  expect(
    flagsOf(Array.from({ length: 9 }, (_, index) => ({ name: 'resumed', x: 70 + index * 10 }))),
  ).toBeNull();
  expect(flagsOf([])).toEqual([]);
});
