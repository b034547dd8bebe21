import { describe, expect, test } from 'vitest';
import { unitsOf } from '../../lib/data/units.ts';

describe('unitsOf', () => {
  test('makes one unit of a group, and of twins', () => {
    expect(unitsOf(labels(0, 0, 1, 1), { groups: ['a', null, 'a', null] })).toEqual([0, 1, 0, 3]);
    expect(unitsOf(labels(0, 0, 0, 1), { twins: [null, 'x', 'x', null] })).toEqual([0, 1, 1, 3]);
  });

  test('joins groups that share a twin, over any number of steps', () => {
    const groups = ['a', 'b', 'c', 'b', null];
    const twins = ['x', 'x', 'y', 'y', null];
    expect(unitsOf(labels(0, 0, 0, 1, 0), { groups, twins })).toEqual([0, 0, 0, 0, 4]);
  });

  test('does not confuse the name of a group with the key of a twin', () => {
    expect(unitsOf(labels(0, 0, 0), { groups: ['x', null, null], twins: [null, 'x', 'x'] })).toEqual([
      0, 1, 1,
    ]);
  });

  test('is undefined if nothing belongs together', () => {
    expect(unitsOf(labels(0, 1), {})).toBeUndefined();
    expect(unitsOf(labels(0, 1), { groups: ['a', 'b'], twins: [null, null] })).toBeUndefined();
  });

  test('lets the twins of a class apart that consists of nothing else, but never a group', () => {
    const twins = ['x', 'x', 'x', null, null];
    expect(unitsOf(labels(0, 0, 0, 1, 1), { twins })).toBeUndefined();
    expect(unitsOf(labels(0, 0, 0, 1, 1), { groups: ['a', 'a', null, null, null], twins })).toEqual([
      0, 0, 2, 3, 4,
    ]);
    expect(unitsOf(labels(0, 0, 0, 1, 1), { groups: ['a', 'a', 'a', null, null] })).toEqual([0, 0, 0, 3, 4]);
  });
});

function labels(...values: number[]): BigInt64Array {
  return BigInt64Array.from(values, BigInt);
}
