import { expect, test } from 'vitest';
import type { ExtractionOptions } from '../../lib/engine/native.ts';
import { bytesOf, nativeData, nativeModel } from '../support/native.ts';
import { largest, largestDifference } from './compare.ts';
import { numbers, readFixture } from './signature.ts';

const OPTIONS = { precision: 'fp32', batchSize: 2 } as const;

/** The engine's result for the first two validation images; null is about their likeliest classes. */
async function gradCam(
  head: string,
  classes: readonly number[] | null,
  options: ExtractionOptions = OPTIONS,
) {
  const model = await nativeModel(head, { imageSize: 64, pretrained: true });
  const data = await nativeData('valid', 2);
  const explained = classes && BigInt64Array.from(classes, BigInt);
  return { model, ...(await model.gradCam(data, options, explained).result) };
}

test.for([
  ['base', 'likeliest'],
  ['base', 'given'],
  ['finetune', 'likeliest'],
  ['finetune', 'given'],
] as const)("Grad-CAM with the head %s for the classes %s is PyTorch's", async ([head, asked]) => {
  const { tensors, facts } = await readFixture('grad-cam');
  const classes = (facts.classes as Record<string, number[]>)[`${head}/${asked}`] as number[];
  const { maps, logits } = await gradCam(head, asked === 'given' ? classes : null);
  const expected = tensors.get(`${head}/${asked}`) ?? [];
  expect(maps.shape).toEqual([2, 2, 2]);
  expect(largest(expected)).toBeGreaterThan(0);
  expect(largestDifference(numbers(maps), expected)).toBeLessThanOrEqual(1e-4 * largest(expected));
  const known = tensors.get(`${head}/logits`) ?? [];
  expect(logits.shape).toEqual([2, 10]);
  expect(largestDifference(numbers(logits), known)).toBeLessThanOrEqual(1e-4 * largest(known));
});

test('Grad-CAM in batches of one and in bf16 is the same but for rounding', async () => {
  const { maps } = await gradCam('base', null);
  const single = await gradCam('base', null, { ...OPTIONS, batchSize: 1 });
  const rounded = await gradCam('base', null, { ...OPTIONS, precision: 'bf16' });
  const scale = largest(numbers(maps));
  expect(largestDifference(numbers(single.maps), numbers(maps))).toBeLessThanOrEqual(1e-4 * scale);
  const difference = largestDifference(numbers(rounded.maps), numbers(maps));
  expect(difference).toBeGreaterThan(0);
  expect(difference).toBeLessThanOrEqual(0.2 * scale);
});

test('Grad-CAM changes no tensor, and leaves no gradients to a training step', async () => {
  const [model, untouched] = [
    await nativeModel('finetune', { imageSize: 32 }),
    await nativeModel('finetune', { imageSize: 32 }),
  ];
  const data = await nativeData('train', 4);
  const before = bytesOf(await model.state().result);
  await model.gradCam(data, OPTIONS, null).result;
  expect(bytesOf(await model.state().result)).toEqual(before);
  const step = { precision: 'fp32', seed: 0 } as const;
  const { gradients } = await model.gradients(data, step).result;
  const { gradients: expected } = await untouched.gradients(data, step).result;
  expect(bytesOf(gradients)).toEqual(bytesOf(expected));
});
