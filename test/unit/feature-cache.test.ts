import { expect, test } from 'vitest';
import { bytesOf, epochsOf, nativeData, nativeModel, nativeTraining } from '../support/native.ts';

test.for([
  ['finetune', 'fp32'],
  ['base-optimized', 'fp32'],
  ['finetune', 'bf16'],
] as const)(
  'the %s head in %s has the same losses and weights to the bit with and without the cache',
  async ([head, precision]) => {
    const [train, valid] = [await nativeData('train', 37), await nativeData('valid', 13)];
    const outcomes = [];
    for (const featureCache of [true, false]) {
      const model = await nativeModel(head, { imageSize: 64, pretrained: true });
      await model.setTrainable(['features'], false).result;
      const options = { epochs: 3, batchSize: 8, featureCache, precision };
      const { events } = await nativeTraining(model, train, valid, options);
      expect(events.some(({ type }) => type === 'features')).toBe(featureCache);
      outcomes.push({ epochs: epochsOf(events), bytes: bytesOf(await model.state().result) });
    }
    expect(outcomes[0]?.epochs).toHaveLength(3);
    expect(outcomes[1]).toEqual(outcomes[0]);
  },
);

test('an unfrozen backbone is not cached', async () => {
  const model = await nativeModel('linear', { imageSize: 32 });
  const { events } = await nativeTraining(model, await nativeData('train', 4), await nativeData('valid', 2));
  expect(events.some(({ type }) => type === 'features')).toBe(false);
});
