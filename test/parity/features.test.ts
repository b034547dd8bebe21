import { expect, test } from 'vitest';
import { nativeData, nativeModel } from '../support/native.ts';
import { largest, largestDifference, signatureDifference } from './compare.ts';
import { numbers, readFixture } from './signature.ts';

test.for([64, 97, 155, 224])(
  "features of the embedded backbone at %i pixels are PyTorch's",
  async (imageSize) => {
    const { tensors, facts } = await readFixture('features');
    const model = await nativeModel('linear', { imageSize, pretrained: true });
    const data = await nativeData('valid', 2);
    const progress: unknown[] = [];
    const options = { precision: 'fp32', batchSize: 2 } as const;
    const features = await model.features(data, options, (event) => progress.push(event)).result;

    expect(features.shape).toEqual((facts.shapes as Record<string, number[]>)[imageSize]);
    expect(progress).toEqual([{ done: 2, total: 2 }]);
    expect(
      signatureDifference(features, tensors.get(`features.${imageSize}.signature`) ?? []),
    ).toBeLessThanOrEqual(1e-4);
    const whole = tensors.get(`features.${imageSize}`);
    if (whole) expect(largestDifference(numbers(features), whole)).toBeLessThanOrEqual(1e-4 * largest(whole));
  },
);

test('features in bf16 are those in fp32 but for its rounding', async () => {
  const model = await nativeModel('linear', { imageSize: 64, pretrained: true });
  const data = await nativeData('valid', 4);
  const [exact, rounded] = [
    numbers(await model.features(data, { precision: 'fp32', batchSize: 4 }, () => {}).result),
    numbers(await model.features(data, { precision: 'bf16', batchSize: 4 }, () => {}).result),
  ];
  const difference = largestDifference(exact, rounded);
  expect(difference).toBeGreaterThan(0);
  expect(difference).toBeLessThanOrEqual(0.1 * largest(exact));
});
