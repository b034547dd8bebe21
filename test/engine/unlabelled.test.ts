import { expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { NativeDataset } from '../../lib/engine/native.ts';
import { OFF } from '../support/augmentation.ts';
import { nativeData, nativeModel, PLAIN_STAGE, sampleImages, trainOptions } from '../support/native.ts';

const OPTIONS = { precision: 'fp32', batchSize: 2 } as const;
async function unlabelledData(count: number): Promise<NativeDataset> {
  const { pixels, height, width } = await sampleImages('valid', count);
  return loadEngine().createDataset({ pixels, height, width, device: 'cpu' }).result;
}

test('images without labels have the features, logits and maps of images with labels', async () => {
  const model = await nativeModel('base', { imageSize: 32 });
  const [labelled, without] = [await nativeData('valid', 3), await unlabelledData(3)];
  expect(without.count).toBe(3);
  for (const what of ['features', 'logits'] as const) {
    const { data } = await model[what](without, OPTIONS, () => {}).result;
    expect(data).toEqual((await model[what](labelled, OPTIONS, () => {}).result).data);
  }
  const classes = BigInt64Array.of(1n, 2n, 3n);
  const { maps } = await model.gradCam(without, OPTIONS, classes).result;
  expect(maps.data).toEqual((await model.gradCam(labelled, OPTIONS, classes).result).maps.data);
  without.dispose();
});

test('work that needs labels refuses images without them', async () => {
  const model = await nativeModel('base', { imageSize: 32 });
  const [labelled, data] = [await nativeData('train', 4), await unlabelledData(4)];
  const options = trainOptions(data, PLAIN_STAGE);
  const step = { precision: 'fp32', seed: 0 } as const;
  const range = { start: 1e-3, end: 1, steps: 2 };
  for (const refused of [
    () => model.train(data, labelled, options, () => {}, []),
    () => model.train(labelled, data, options, () => {}, []),
    () => model.findLearningRate(data, options, range, () => {}),
    () => model.gradients(data, step),
    () => model.augmented(data, { ...step, augmentation: OFF }),
  ]) {
    expect(refused).toThrow('this work needs a dataset with labels');
  }
  data.dispose();
});

test('labels and classes must be one per image, and classes those of the head', async () => {
  const engine = loadEngine();
  const { pixels, height, width } = await sampleImages('valid', 2);
  const create = (options: object) => () =>
    engine.createDataset({ pixels, height, width, device: 'cpu', ...options });
  expect(create({ labels: BigInt64Array.of(1n) })).toThrow('2 images needs one label per image, not 1');
  expect(create({ pixels: pixels.subarray(1) })).toThrow('whole images');
  expect(create({ height: 0 })).toThrow('whole images');
  const model = await nativeModel('base', { imageSize: 32 });
  const data = await unlabelledData(2);
  for (const classes of [[1n], [1n, 10n], [-1n, 0n]]) {
    const refused = () => model.gradCam(data, OPTIONS, BigInt64Array.from(classes));
    expect(refused).toThrow('expected a class below 10 for each of 2 images');
  }
  data.dispose();
});
