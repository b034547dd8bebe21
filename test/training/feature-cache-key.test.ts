import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCifar10Binary } from '../../lib/data/cifar10/binary.ts';
import { Dataset } from '../../lib/data/dataset.ts';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import {
  type FeatureOrigin,
  featureKeys,
  frozenCut,
  keptCuts,
} from '../../lib/training/feature-cache-key.ts';
import type { CacheReport, FitOptions } from '../../lib/training/fit.ts';
import { frozenModel } from '../support/frozen-model.ts';
import { pretrainedModel, smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

describe('the frozen cut', () => {
  test.for(['stem', 'denseblock1', 'transition1', 'denseblock3', 'transition3', 'denseblock4', 'norm5'])(
    'is %s where all up to it is frozen',
    async (cut) => {
      expect(frozenCut(await (await frozenModel(cut)).describe().result)).toBe(cut);
    },
  );

  test('is none where the first layer trains, whatever is frozen behind it', async () => {
    const model = await frozenModel('norm5');
    await model.setTrainable(['features.norm0'], true).result;
    expect(frozenCut(await model.describe().result)).toBeNull();
  });

  test('is the whole backbone where the head is frozen too', async () => {
    const model = await frozenModel('norm5');
    await model.setTrainable(['classifier'], false).result;
    expect(frozenCut(await model.describe().result)).toBe('norm5');
  });
});

test('features are kept at the cut of a stage unless an earlier stage trains a part of what is before it', async () => {
  const layers = await (await frozenModel('norm5')).describe().result;
  const from = (section: string) => {
    const first = layers.findIndex(({ name }) => name.startsWith(`features.${section}`));
    return { trainable: layers.slice(first).map(({ name }) => name) };
  };
  const head = { trainable: ['classifier'] };
  const asItIs = { trainable: null };
  expect(keptCuts(layers, [asItIs, from('denseblock4'), from('denseblock2'), asItIs])).toEqual([
    ...['norm5', 'transition3', 'transition1', 'transition1'],
  ]);
  expect(keptCuts(layers, [from('denseblock4'), head, from('denseblock4')])).toEqual([
    ...['transition3', null, 'transition3'],
  ]);
  expect(keptCuts(layers, [from('conv0'), head])).toEqual([null, null]);
});

describe('the keys', () => {
  async function origin(cut: string): Promise<FeatureOrigin> {
    const tensors = await (await frozenModel(cut)).state().result;
    const [mean, std] = [
      [0.5, 0.5, 0.5],
      [0.25, 0.25, 0.25],
    ] as const;
    const computation = {
      precision: 'fp32',
      device: 'cpu',
      batchSize: 8,
      threads: 2,
      kernels: 'auto',
    } as const;
    return { cut, tensors, imageSize: 32, mean, std, ...computation };
  }

  test('change with all that the features follow from, and with nothing else', async () => {
    const { train, valid } = await smallData(4, 2);
    const made = await origin('denseblock3');
    const keys = await featureKeys(made, train, valid);
    expect(keys).toEqual({
      cut: 'denseblock3',
      train: expect.stringMatching(/^[0-9a-f]{64}$/),
      valid: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await featureKeys({ ...made, device: 'cpu' }, train, valid)).toEqual(keys);

    const others: Array<Partial<FeatureOrigin>> = [
      { imageSize: 33 },
      { mean: [0.5, 0.5, 0.4] },
      { std: [0.25, 0.25, 0.2] },
      { precision: 'bf16' },
      { device: 'cuda:0' },
      { batchSize: 9 },
      { threads: 3 },
      { kernels: 'libtorch' },
      { cut: 'denseblock2' },
    ];
    const seen = new Set([keys.train, keys.valid]);
    for (const other of others) {
      const { train: key } = await featureKeys({ ...made, ...other }, train, valid);
      expect(seen.has(key), JSON.stringify(other)).toBe(false);
      seen.add(key);
    }
  });

  test('change with the last weight up to the cut and not with the first one after it', async () => {
    const { train, valid } = await smallData(4, 2);
    const made = await origin('denseblock3');
    const keys = await featureKeys(made, train, valid);
    const flipped = (name: string) => ({
      ...made,
      tensors: made.tensors.map((tensor) => {
        if (tensor.name !== name) return tensor;
        const data = Uint8Array.from(tensor.data);
        data[0] = 1 - (data[0] as number);
        return { ...tensor, data };
      }),
    });
    const before = flipped('features.denseblock3.denselayer24.conv2.weight');
    const after = flipped('features.transition3.norm.weight');
    expect((await featureKeys(before, train, valid)).train).not.toBe(keys.train);
    expect(await featureKeys(after, train, valid)).toEqual(keys);
  });
});

test('a shared directory serves the next training, but none of another pixel, size or precision', async () => {
  const featureCache = temporaryDirectory();
  const images = (await readCifar10Binary(`${packageRoot}/assets/cifar10-sample`)).valid;
  const classes = (await smallModel()).classes;
  const data = (pixel: number) => {
    const pixels = images.pixels.slice();
    pixels[0] = pixel;
    return Dataset.of({ name: 'sample', source: 'changed', classes, resize: null }, { ...images, pixels });
  };
  const { valid } = await smallData(2, 4);

  async function reused(train: Dataset, seed: number, shape = {}, options = {}): Promise<boolean[]> {
    const model = await pretrainedModel({ seed, ...shape });
    model.freeze();
    const reports: CacheReport[] = [];
    let featuresMade = 0;
    await model.fit(train, {
      valid,
      epochs: 1,
      precision: 'fp32',
      featureCache,
      onCache: (report) => reports.push(report),
      onFeatures: ({ done }) => {
        featuresMade = done;
      },
      ...options,
    }).result;
    train.dispose();
    const made = reports.filter((report) => !report.reused);
    expect(featuresMade).toBe(
      made.reduce((sum, { part }) => sum + (part === 'train' ? train : valid).count, 0),
    );
    return reports.map((report) => report.reused);
  }

  expect(await reused(data(1), 0)).toEqual([false, false]);
  // Another seed draws another head, of which the features know nothing.
  expect(await reused(data(1), 1)).toEqual([true, true]);
  expect(await reused(data(2), 0)).toEqual([false, true]);
  expect(await reused(data(1), 0, { imageSize: 33 })).toEqual([false, false]);
  expect(await reused(data(1), 0, {}, { precision: 'bf16' })).toEqual([false, false]);
  expect(await reused(data(1), 0, { weights: null })).toEqual([false, false]);
  expect(await reused(data(1), 0)).toEqual([true, true]);
  expect(readdirSync(featureCache)).toHaveLength(9);
});

test('a training that goes on keeps features under the weights of its checkpoint, not of the model before', async () => {
  const directory = temporaryDirectory();
  const { train, valid } = await smallData(6, 4);
  const goOn = async (model: DenseNet121, options: Partial<FitOptions>) => {
    const reports: CacheReport[] = [];
    const onCache = (report: CacheReport) => reports.push(report);
    const shared = { valid, freeze: 'backbone', batchSize: 3, precision: 'fp32', onCache } as const;
    const files = { checkpoint: join(directory, 'checkpoint'), featureCache: join(directory, 'features') };
    await model.fit(train, { ...shared, ...files, ...options }).result;
    return reports.map(({ reused }) => reused);
  };
  mkdirSync(join(directory, 'features'));
  expect(await goOn(await pretrainedModel(), { epochs: 1 })).toEqual([false, false]);
  const other = () => smallModel({ seed: 7 });
  expect(await goOn(await other(), { epochs: 2, resume: true })).toEqual([true, true]);
  expect(await goOn(await other(), { epochs: 1 })).toEqual([false, false]);
});
