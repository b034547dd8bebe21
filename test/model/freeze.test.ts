import { describe, expect, test } from 'vitest';
import type { NativeModel } from '../../lib/engine/native.ts';
import { bytesOf, nativeData, nativeModel, nativeTraining } from '../support/native.ts';

const STATISTICS = /\.(running_mean|running_var|num_batches_tracked)$/;

/** The names whose bits differ after two epochs of training. */
async function changedBy(model: NativeModel, options = {}): Promise<string[]> {
  const before = bytesOf(await model.state().result);
  const [train, valid] = [await nativeData('train', 24), await nativeData('valid', 8)];
  await nativeTraining(model, train, valid, { epochs: 2, batchSize: 8, ...options });
  const after = bytesOf(await model.state().result);
  return [...after.keys()].filter((name) => after.get(name) !== before.get(name));
}

describe('a frozen layer', () => {
  test.for([true, false])(
    'keeps every bit with the whole backbone frozen, feature cache %s',
    async (featureCache) => {
      const model = await nativeModel('finetune', { imageSize: 32, pretrained: true });
      await model.setTrainable(['features'], false).result;
      const changed = await changedBy(model, featureCache ? {} : { featureCache: null });
      expect(changed.filter((name) => name.startsWith('features.'))).toEqual([]);
      expect(changed.filter((name) => name.startsWith('classifier.'))).toEqual(
        model
          .tensors()
          .map(({ name }) => name)
          .filter((name) => name.startsWith('classifier.')),
      );
    },
  );

  test('keeps every bit, running statistics too, while later blocks train', async () => {
    const model = await nativeModel('linear', { imageSize: 64, pretrained: true });
    await model.setTrainable(['features'], false).result;
    await model.setTrainable(['features.denseblock4', 'features.norm5'], true).result;
    const changed = await changedBy(model);
    const trained = /^(features\.denseblock4|features\.norm5|classifier)\b/;
    expect(changed.filter((name) => !trained.test(name))).toEqual([]);
    expect(changed).toEqual(
      model
        .tensors()
        .map(({ name }) => name)
        .filter((name) => trained.test(name)),
    );
    expect(changed.some((name) => STATISTICS.test(name))).toBe(true);
  });

  test('in the middle keeps every bit while layers before and after it train', async () => {
    const model = await nativeModel('linear', { imageSize: 64, pretrained: true });
    await model.setTrainable(['features.denseblock3'], false).result;
    const changed = await changedBy(model);
    const frozen = (name: string) => name.startsWith('features.denseblock3.');
    expect(changed.filter(frozen)).toEqual([]);
    expect(changed).toEqual(
      model
        .tensors()
        .map(({ name }) => name)
        .filter((name) => !frozen(name)),
    );
  });

  test('trains again once it is unfrozen', async () => {
    const model = await nativeModel('linear', { imageSize: 32, pretrained: true });
    await model.setTrainable(['features'], false).result;
    await model.setTrainable(['features'], true).result;
    expect(await changedBy(model)).toHaveLength(model.tensors().length);
  });
});

test('setTrainable matches whole dotted names and says how many layers each matched', async () => {
  const model = await nativeModel('linear');
  const names = [
    'features.denseblock1.denselayer1',
    'features.denseblock1.denselayer',
    'features.norm5',
    'nothing',
  ];
  expect(await model.setTrainable(names, false).result).toEqual([6, 0, 1, 0]);
});
