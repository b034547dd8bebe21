import { describe, expect, it } from 'vitest';
import { numbers, readFixture, signature } from './signature.ts';

describe('signature', () => {
  it('keeps every value of a small tensor', () => {
    const values = Float32Array.of(3, -4);
    expect([...signature(values)]).toEqual([5, -1, 3 - 4 * Math.cos(1), 3, -4]);
  });

  it('samples 32 values of a large tensor, evenly from the first on', () => {
    const samples = signature(Float64Array.from({ length: 100 }, (_, index) => index)).slice(3);
    expect(samples).toHaveLength(32);
    expect([...samples.slice(0, 4)]).toEqual([0, 3, 6, 9]);
    expect(samples[31]).toBe(96);
  });

  it.each([64, 155])("is PyTorch's for the features at %i pixels", async (size) => {
    const { tensors, facts } = await readFixture('features');
    const features = tensors.get(`features.${size}`) ?? new Float32Array();
    const expected = [...(tensors.get(`features.${size}.signature`) ?? [])];
    const shape = (facts.shapes as Record<string, number[]>)[size] ?? [];
    expect(features).toHaveLength(shape.reduce((product, side) => product * side));
    const actual = [...signature(features)];
    expect(actual).toHaveLength(expected.length);
    actual.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 8);
    });
  });
});

describe('numbers', () => {
  it('reads a tensor whose bytes lie at an odd offset', () => {
    const bytes = new Uint8Array(9);
    bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    const tensor = { name: 'x', dtype: 'float32' as const, shape: [2], data: bytes.subarray(1) };
    expect([...numbers(tensor)]).toEqual([1.5, -2]);
  });
});
