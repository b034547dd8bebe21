import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { FeatureCacheOptions, TrainEvent } from '../../lib/engine/native-training.ts';
import { augmentationOf } from '../../lib/options/index.ts';
import { frozenModel } from '../support/frozen-model.ts';
import {
  bytesOf,
  epochsOf,
  lastWeights,
  nativeData,
  nativeModel,
  nativeTraining,
  type TrainingOptions,
  trainOptions,
} from '../support/native.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const MEMORY: FeatureCacheOptions = { directory: '/nonexistent', memoryLimit: 1 << 30, kept: null };

const cachesIn = (events: TrainEvent[]) => events.filter((event) => event.type === 'cache');
const runsFeatures = (events: TrainEvent[]) => events.some(({ type }) => type === 'features');

/** What a training of a model frozen up to `cut` comes to: the losses and the weights after its last step. */
async function outcome(cut: string, shape: { head: string; imageSize: number }, options: TrainingOptions) {
  const model = await frozenModel(cut, shape);
  const [train, valid] = [await nativeData('train', 10), await nativeData('valid', 7)];
  const { events } = await nativeTraining(model, train, valid, {
    epochs: 2,
    batchSize: 5,
    checkpoints: true,
    ...options,
  });
  return {
    caches: cachesIn(events).map(({ cut, place }) => `${cut} in ${place}`),
    trained: { epochs: epochsOf(events), weights: bytesOf(lastWeights(model)) },
  };
}

describe('losses and weights are the same to the bit with the cache in memory, in a file and without', () => {
  // At 32 pixels the last maps are single pixels, whose strides could be of either memory format. A second epoch takes
  // the features in another order, which is the same for every cut.
  test.for([
    ['stem', 32, 'fp32', 1],
    ['stem', 32, 'bf16', 1],
    ['denseblock1', 32, 'fp32', 1],
    ['denseblock1', 32, 'bf16', 1],
    ['transition1', 32, 'fp32', 1],
    ['denseblock2', 32, 'fp32', 1],
    ['transition2', 32, 'fp32', 1],
    ['denseblock3', 32, 'fp32', 2],
    ['denseblock3', 64, 'fp32', 2],
    ['denseblock3', 64, 'bf16', 2],
    ['transition3', 32, 'fp32', 2],
    ['denseblock4', 32, 'fp32', 2],
    ['norm5', 64, 'fp32', 2],
    ['norm5', 64, 'bf16', 2],
  ] as const)('frozen up to %s, at %i pixels, in %s', async ([cut, imageSize, precision, epochs]) => {
    const shape = { head: 'finetune', imageSize };
    const file = { directory: temporaryDirectory(), memoryLimit: 0, kept: null };
    const without = await outcome(cut, shape, { precision, epochs, featureCache: null });
    const inMemory = await outcome(cut, shape, { precision, epochs, featureCache: MEMORY });
    const inFile = await outcome(cut, shape, { precision, epochs, featureCache: file });
    expect(without.caches).toEqual([]);
    // Behind the whole backbone the head's first layer, which flattens, is cached too.
    const cached = cut === 'norm5' ? 'flatten' : cut;
    expect(inMemory.caches).toEqual([`${cached} in memory`, `${cached} in memory`]);
    expect(inFile.caches).toEqual([`${cached} in file`, `${cached} in file`]);
    expect(without.trained.epochs).toHaveLength(epochs);
    expect(inMemory.trained).toEqual(without.trained);
    expect(inFile.trained).toEqual(without.trained);
    expect(readdirSync(file.directory)).toEqual([]);
  });

  test.for([
    ['linear', 64, 'fp32'],
    ['linear', 155, 'fp32'],
    ['linear', 155, 'bf16'],
    ['base-optimized', 64, 'fp32'],
  ] as const)(
    'behind the pooling of the %s head, at %i pixels, in %s',
    async ([head, imageSize, precision]) => {
      const shape = { head, imageSize };
      const without = await outcome('norm5', shape, { precision, featureCache: null });
      const cached = await outcome('norm5', shape, { precision, featureCache: MEMORY });
      expect(cached.caches).toEqual(['globalAveragePool in memory', 'globalAveragePool in memory']);
      expect(cached.trained).toEqual(without.trained);
    },
  );
});

test('behind the pooling an image takes 4 kB whatever its size, in bf16 half of that', async () => {
  const bytes = async (precision: 'fp32' | 'bf16') => {
    const model = await frozenModel('norm5', { imageSize: 96 });
    const [train, valid] = [await nativeData('train', 3), await nativeData('valid', 2)];
    const { events } = await nativeTraining(model, train, valid, { precision, featureCache: MEMORY });
    return cachesIn(events).map((event) => event.bytes);
  };
  expect(await bytes('fp32')).toEqual([3 * 4096, 2 * 4096]);
  expect(await bytes('bf16')).toEqual([3 * 2048, 2 * 2048]);
});

test('with augmentation only the validation set is cached, and the bits are the same', async () => {
  const augmentation = augmentationOf('light');
  const shape = { head: 'linear', imageSize: 32 };
  const without = await outcome('norm5', shape, { augmentation, featureCache: null });
  const cached = await outcome('norm5', shape, { augmentation, featureCache: MEMORY });
  expect(cached.caches).toEqual(['globalAveragePool in memory']);
  expect(cached.trained).toEqual(without.trained);
});

test('a backbone whose first layer trains is not cached', async () => {
  const model = await nativeModel('linear', { imageSize: 32 });
  await model.setTrainable(['features.denseblock1', 'features.norm5'], false).result;
  const { events } = await nativeTraining(model, await nativeData('train', 4), await nativeData('valid', 2));
  expect([runsFeatures(events), cachesIn(events)]).toEqual([false, []]);
});

test('memory that is too small for both sets goes to the one that fits, and the events say why', async () => {
  const model = await frozenModel('norm5');
  const [train, valid] = [await nativeData('train', 8), await nativeData('valid', 4)];
  const featureCache = { directory: temporaryDirectory(), memoryLimit: 4 * 1024 * 4, kept: null };
  const { events } = await nativeTraining(model, train, valid, { featureCache });
  expect(cachesIn(events)).toMatchObject([
    { part: 'train', cut: 'globalAveragePool', place: 'file', bytes: 8 * 1024 * 4, reused: false },
    { part: 'valid', cut: 'globalAveragePool', place: 'memory', bytes: 4 * 1024 * 4, reused: false },
  ]);
  expect(cachesIn(events)[0]?.reason).toContain('larger than the 16384 bytes of memory');
});

test('a stage that freezes the same layers as the one before makes no features of its own', async () => {
  const model = await frozenModel('norm5');
  const [train, valid] = [await nativeData('train', 8), await nativeData('valid', 4)];
  const options = trainOptions(train, { featureCache: MEMORY });
  const [stage] = options.stages;
  if (!stage) throw new Error('a training has a stage');
  const unfrozen = model
    .tensors()
    .map(({ name }) => name.slice(0, name.lastIndexOf('.')))
    .filter((name) => /denseblock4|norm5|classifier/.test(name));
  const events: TrainEvent[] = [];
  await model.train(
    train,
    valid,
    { ...options, stages: [stage, stage, { ...stage, trainable: unfrozen }] },
    (event) => events.push(event),
    [],
  ).result;
  const told = events.filter(({ type }) => type === 'stage' || type === 'cache');
  expect(told.map((event) => (event.type === 'cache' ? event.cut : event.type))).toEqual([
    ...['stage', 'globalAveragePool', 'globalAveragePool', 'stage', 'stage', 'transition3', 'transition3'],
  ]);
});
