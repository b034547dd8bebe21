import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCifar10Binary } from '../../lib/data/cifar10/binary.ts';
import { Dataset } from '../../lib/data/dataset.ts';
import { range } from '../../lib/data/select.ts';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { NativeDataset } from '../../lib/engine/native.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import {
  dependsOnImageAlone,
  type FeatureOrigin,
  featureKeys,
  frozenCut,
  keptCuts,
  stageOrigin,
} from '../../lib/training/feature-cache-key.ts';
import type { CacheReport, FitOptions } from '../../lib/training/fit.ts';
import { frozenModel } from '../support/frozen-model.ts';
import { nativeData } from '../support/native.ts';
import { pretrainedModel, smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Whether this processor runs the engine's own kernels in fp32. */
const hasKernels = loadEngine().info().cpu.kernels.length > 0;

describe('the frozen cut', () => {
  test.for(['stem', 'denseblock1', 'transition1', 'denseblock3', 'transition3', 'denseblock4'])(
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

  test.for([
    ['linear', 'globalAveragePool'],
    ['finetune', 'flatten'],
  ] as const)('is the first layer of the head %s where the whole backbone is frozen', async ([head, cut]) => {
    const model = await frozenModel('norm5', { head });
    expect(frozenCut(await model.describe().result)).toBe(cut);
    await model.setTrainable(['classifier'], false).result;
    expect(frozenCut(await model.describe().result)).toBe(cut);
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
    ...['globalAveragePool', 'transition3', 'transition1', 'transition1'],
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
    return { cut, tensors, imageSize: 32, mean, std, ...computation, weights: 'tiny-imagenet-distilled' };
  }

  async function keys(of: FeatureOrigin, { train, valid }: { train: Dataset; valid: Dataset }) {
    return featureKeys(await stageOrigin(of, { train, valid }), { train, valid });
  }

  test('change with all that the features follow from, and with nothing else', async () => {
    const sets = await smallData(4, 2);
    const made = await origin('denseblock3');
    const first = await keys(made, sets);
    expect(first).toMatchObject({
      cut: 'denseblock3',
      about: '{"cut":"denseblock3","weights":"tiny-imagenet-distilled","imageSize":32,"precision":"fp32"}',
      train: { origin: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect([first.train.images.length, first.valid.images.length]).toEqual([4 * 16, 2 * 16]);
    const same = { ...made, device: 'cpu', weights: './the-same' };
    expect((await keys(same, sets)).train).toEqual(first.train);

    const others: Array<Partial<FeatureOrigin>> = [
      { imageSize: 33 },
      { mean: [0.5, 0.5, 0.4] },
      { std: [0.25, 0.25, 0.2] },
      { precision: 'bf16' },
      { device: 'cuda:0' },
      { threads: 3 },
      { kernels: 'libtorch' },
      { kernels: 'libtorch', batchSize: 9 },
      { cut: 'denseblock2' },
    ];
    const seen = new Set([first.train.origin]);
    for (const other of others) {
      const { train: key } = await keys({ ...made, ...other }, sets);
      expect(seen.has(key.origin), JSON.stringify(other)).toBe(false);
      seen.add(key.origin);
    }
  });

  test.runIf(hasKernels)(
    'do not change with the batch size, nor with the other images of the set',
    async () => {
      const made = await origin('denseblock3');
      const sets = await smallData(4, 2);
      const first = await keys(made, sets);
      expect(first.valid.origin).toBe(first.train.origin);
      expect(await keys({ ...made, batchSize: 9 }, sets)).toEqual(first);
      // Limits are balanced across classes, so that a smaller sample is a part of a larger one.
      const more = await keys(made, await smallData(24, 2));
      const rows = ({ images }: { images: Uint8Array }) =>
        Array.from({ length: images.length / 16 }, (_, index) =>
          Buffer.from(images.subarray(index * 16, index * 16 + 16)).toString('hex'),
        );
      expect(new Set(rows(more.train)).size).toBe(24);
      expect(rows(more.train)).toEqual(expect.arrayContaining(rows(first.train)));
      expect(more.train.origin).toBe(first.train.origin);
    },
  );

  test("with LibTorch's kernels are those of whole sets and of positions in them", async () => {
    const made = { ...(await origin('denseblock3')), kernels: 'libtorch' } as const;
    const { train, valid } = await smallData(4, 2);
    const first = await keys(made, { train, valid });
    expect(first.train.origin).not.toBe(first.valid.origin);
    const swapped = await keys(made, { train: valid, valid: train });
    expect([swapped.valid, swapped.train]).toEqual([first.train, first.valid]);
    expect(first.train.images.subarray(0, 2 * 16)).toEqual(first.valid.images);
  });

  test('change with the last weight up to the cut and not with the first one after it', async () => {
    const sets = await smallData(4, 2);
    const made = await origin('denseblock3');
    const first = await keys(made, sets);
    const flipped = (of: FeatureOrigin, name: string) => ({
      ...of,
      tensors: of.tensors.map((tensor) => {
        if (tensor.name !== name) return tensor;
        const data = Uint8Array.from(tensor.data);
        data[0] = 1 - (data[0] as number);
        return { ...tensor, data };
      }),
    });
    const before = flipped(made, 'features.denseblock3.denselayer24.conv2.weight');
    const after = flipped(made, 'features.transition3.norm.weight');
    expect((await keys(before, sets)).train.origin).not.toBe(first.train.origin);
    expect(await keys(after, sets)).toEqual(first);

    const pooled = { ...(await origin('norm5')), cut: 'globalAveragePool' };
    const whole = await keys(pooled, sets);
    expect((await keys(flipped(pooled, 'features.norm5.bias'), sets)).train.origin).not.toBe(
      whole.train.origin,
    );
    expect(await keys(flipped(pooled, 'classifier.weight'), sets)).toEqual(whole);
  });
});

describe('the features of an image', () => {
  const { cpu } = loadEngine().info();
  const CASES = (['fp32', 'bf16'] as const).filter((precision) =>
    dependsOnImageAlone({ device: 'cpu', kernels: 'auto', precision }, cpu),
  );

  test.for(CASES)(
    'in %s are the same bits in every batch, as the keys by image demand',
    async (precision) => {
      const model = await frozenModel('norm5', { imageSize: 64 });
      const features = async (data: NativeDataset, batchSize: number) =>
        (await model.features(data, { precision, batchSize }, () => {}).result).data;
      const all = await features(await nativeData('train', 13), 13);
      const row = all.length / 13;
      for (const batchSize of [1, 2, 5, 12]) {
        expect(await features(await nativeData('train', 13), batchSize), String(batchSize)).toEqual(all);
      }
      const part = await features(await nativeData('train', 3, 6), 2);
      expect(part).toEqual(all.subarray(6 * row, 9 * row));
    },
  );

  test('are taken to depend on the batch where LibTorch computes them', () => {
    const has = { kernels: ['avx2'], amxBf16: false };
    const own = { device: 'cpu', kernels: 'auto', precision: 'fp32' } as const;
    expect(dependsOnImageAlone(own, has)).toBe(true);
    expect(dependsOnImageAlone({ ...own, kernels: 'libtorch' }, has)).toBe(false);
    expect(dependsOnImageAlone({ ...own, device: 'cuda:0' }, has)).toBe(false);
    expect(dependsOnImageAlone(own, { ...has, kernels: [] })).toBe(false);
    expect(dependsOnImageAlone({ ...own, precision: 'bf16' }, { ...has, amxBf16: true })).toBe(false);
  });
});

test('a shared directory serves the next training: another pixel costs an image, another size or precision all', async () => {
  const featureCache = temporaryDirectory();
  const images = range((await readCifar10Binary(`${packageRoot}/assets/cifar10-sample`)).valid, 0, 40);
  const classes = (await smallModel()).classes;
  const data = (pixel: number) => {
    const pixels = images.pixels.slice();
    pixels[0] = pixel;
    return Dataset.of({ name: 'sample', source: 'changed', classes, resize: null }, { ...images, pixels });
  };
  const { train: valid } = await smallData(4, 2);

  async function computed(train: Dataset, seed: number, shape = {}, options = {}): Promise<number[]> {
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
    const counts = reports.map((report) => report.computed);
    expect(featuresMade).toBe(counts.reduce((sum, count) => sum + count, 0));
    expect(reports.map(({ reused }) => reused)).toEqual(counts.map((count) => count === 0));
    return counts;
  }

  const many = images.count;
  expect(await computed(data(1), 0)).toEqual([many, 4]);
  // Another seed draws another head, of which the features know nothing.
  expect(await computed(data(1), 1)).toEqual([0, 0]);
  expect(await computed(data(2), 0)).toEqual([hasKernels ? 1 : many, 0]);
  expect(await computed(data(1), 0, { imageSize: 33 })).toEqual([many, 4]);
  expect(await computed(data(1), 0, {}, { precision: 'bf16' })).toEqual([many, 4]);
  expect(await computed(data(1), 0, { weights: null })).toEqual([many, 4]);
  expect(await computed(data(1), 0)).toEqual([0, 0]);
});

test('a training that goes on finds the features of its beginning; another model is refused or makes its own', async () => {
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
  const resume = { epochs: 2, resume: true };
  expect(await goOn(await pretrainedModel(), resume)).toEqual([true, true]);
  const other = await smallModel({ seed: 7 });
  await expect(goOn(other, resume)).rejects.toMatchObject({ code: 'CHECKPOINT_MISMATCH' });
  expect(await goOn(other, { epochs: 1 })).toEqual([false, false]);
});
