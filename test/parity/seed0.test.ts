import { describe, expect, test } from 'vitest';
import { nativeModel } from '../support/native.ts';
import { expectSignatures, largestDifference } from './compare.ts';
import { numbers, readFixture } from './signature.ts';

describe("torchvision's densenet121 of seed 0", () => {
  test('has the same initial weights, tensor by tensor', async () => {
    const fixture = await readFixture('seed0');
    const model = await nativeModel('linear', { imageSize: 224, classes: 50 });
    const state = await model.state().result;
    expect(state.map(({ name }) => name).sort()).toEqual(
      [...fixture.tensors.keys()].filter((name) => /^(features|classifier)\./.test(name)).sort(),
    );
    expectSignatures(fixture, '', state, 1e-5);
  });

  test('gives the same logits for the image drawn next', async () => {
    const { tensors } = await readFixture('seed0');
    const model = await nativeModel('linear', { imageSize: 224, classes: 50 });
    const input = tensors.get('input') as Float32Array;
    const data = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    const logits = await model.forward(
      { name: 'input', dtype: 'float32', shape: [1, 3, 224, 224], data },
      { precision: 'fp32' },
    ).result;
    expect(logits.shape).toEqual([1, 50]);
    expect(largestDifference(numbers(logits), tensors.get('logits') ?? [])).toBeLessThanOrEqual(1e-5);
  });

  test.for(['base', 'base-optimized', 'finetune'])(
    "has the %s head's draws after the backbone's",
    async (head) => {
      const fixture = await readFixture('seed0');
      const model = await nativeModel(head, { imageSize: 155 });
      const state = await model.state().result;
      const compared = state.filter(({ name }) => /^classifier\.|^features\.conv0\.weight$/.test(name));
      expectSignatures(fixture, `${head}/`, compared, 1e-5);
    },
  );

  test('differs for another seed', async () => {
    const [one, other] = [await nativeModel('linear'), await nativeModel('linear', { seed: 1 })];
    const [a, b] = [(await one.state().result)[0], (await other.state().result)[0]];
    expect(a?.name).toBe('features.conv0.weight');
    expect(Buffer.from(a?.data ?? []).equals(Buffer.from(b?.data ?? []))).toBe(false);
  });
});
