import { expect } from 'vitest';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import { type Fixture, numbers, signature } from './signature.ts';

/** The largest of |a - b|. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))),
    0,
  );
}

/** The largest of |a|. */
export function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sofar, value) => Math.max(sofar, Math.abs(value)), 0);
}

/**
 * How far a tensor is from its signature, relative to the tensor's size: norm, dot and samples by its
 * norm, the sum by its norm times the square root of its length, which a sum of rounding errors grows by.
 */
export function signatureDifference(tensor: HostTensor, expected: ArrayLike<number>): number {
  const values = numbers(tensor);
  const found = signature(values);
  expect(found.length).toBe(expected.length);
  const norm = Math.max(Math.abs(expected[0] ?? Number.NaN), Number.MIN_VALUE);
  const scale = (i: number) => (i === 1 ? norm * Math.sqrt(values.length) : norm);
  return found.reduce((worst, value, i) => {
    const difference = Math.abs(value - (expected[i] ?? Number.NaN));
    return Math.max(worst, difference === 0 ? 0 : difference / scale(i));
  }, 0);
}

/** Expects every tensor to meet the signature `prefix` + its name. */
export function expectSignatures(
  fixture: Fixture,
  prefix: string,
  tensors: HostTensor[],
  tolerance: number,
): void {
  const far = tensors
    .map((tensor) => ({ name: tensor.name, difference: differenceFrom(fixture, prefix, tensor) }))
    .filter(({ difference }) => !(difference <= tolerance));
  expect(far).toEqual([]);
}

function differenceFrom(fixture: Fixture, prefix: string, tensor: HostTensor): number {
  const expected = fixture.tensors.get(prefix + tensor.name);
  return expected === undefined ? Number.NaN : signatureDifference(tensor, expected);
}
