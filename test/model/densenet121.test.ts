import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DenseNet121 } from '../../lib/densenet121.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import type { StoredTensor } from '../../lib/formats/stored-tensor.ts';
import { headLayers } from '../../lib/options/head.ts';
import { pretrainedModel, smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CLASSES = ['cat', 'dog'];
const BACKBONE = 6_953_856;

describe('DenseNet121.create', () => {
  test('starts from the embedded weights and says so', async () => {
    const model = await smallModel({ weights: undefined });
    expect(model.weights).toMatchObject({
      source: 'tiny-imagenet-distilled',
      sha256: expect.stringMatching(/^87db690c/),
    });
    expect(model.classes).toHaveLength(10);
    expect(model).toMatchObject({ imageSize: 32, head: headLayers('linear') });
  });

  test('draws the same weights for the same seed, and others for another', async () => {
    const weights = async (seed: number) => (await saved(await smallModel({ weights: null, seed }))).bytes;
    const zero = await weights(0);
    expect((await weights(0)).equals(zero)).toBe(true);
    expect((await weights(1)).equals(zero)).toBe(false);
  });

  test('keeps the backbone of the weights, whatever the head and the seed', async () => {
    const linear = await saved(await pretrainedModel({ seed: 1 }));
    const finetune = await saved(await pretrainedModel({ seed: 2, head: 'finetune' }));
    expect(backboneOf(linear.tensors)).toEqual(backboneOf(finetune.tensors));
  });

  test.each<[string, object, string]>([
    ['an unknown option', { imagesize: 64 }, "There is no option 'imagesize'; did you mean 'imageSize'?"],
    ['small images', { imageSize: 31 }, 'imageSize must be an integer from 32 to 4096, not 31'],
    ['an unknown head', { head: 'linaer' }, "did you mean 'linear'?"],
    ['one class', { classes: ['cat'] }, 'classes must be a list of at least 2 distinct names'],
    ['a class twice', { classes: ['cat', 'cat'] }, 'classes must be a list of at least 2 distinct names'],
    ['a class without a name', { classes: ['cat', 7] }, 'classes[1] must be a name, not 7'],
    ['a negative seed', { seed: -1 }, 'seed must be an integer from 0 to 4294967295'],
    ['weights of another kind', { weights: 7 }, "weights must be a name, a file's path or null"],
    ['unknown weights', { weights: 'tiny-imagnet' }, "Did you mean 'tiny-imagenet-distilled'?"],
  ])('refuses %s', async (_, wrong, message) => {
    const options = { head: 'linear', classes: CLASSES, imageSize: 32, ...wrong } as const;
    await expect(DenseNet121.create(options)).rejects.toThrow(message);
  });

  test('refuses a list in place of options', async () => {
    await expect(DenseNet121.create(null as never)).rejects.toThrow('options must be an object');
  });
});

describe('DenseNet121.save and load', () => {
  test('bring back the whole model to the bit', async () => {
    const model = await smallModel({ head: 'base-optimized', seed: 5 });
    const { path, bytes } = await saved(model);
    const loaded = await DenseNet121.load(path);
    expect(loaded).toMatchObject({ imageSize: 32, classes: model.classes, head: model.head });
    expect((await saved(loaded)).bytes.equals(bytes)).toBe(true);
    loaded.dispose();
  });

  test("name a head of pool and dense as torchvision's, and the layers of another by number", async () => {
    const names = async (head: 'linear' | 'finetune') =>
      (await saved(await smallModel({ head }))).tensors
        .map(({ name }) => name)
        .filter((name) => name.startsWith('classifier.') && !name.endsWith('num_batches_tracked'))
        .sort();
    expect(await names('linear')).toEqual(['classifier.bias', 'classifier.weight']);
    const numbers = (await names('finetune')).map((name) => Number(name.split('.')[1]));
    expect([...new Set(numbers)]).toEqual([0, 1, 3, 4, 7]);
  });

  test('write what predicting needs beside the tensors', async () => {
    const { metadata } = await saved(await smallModel());
    expect(JSON.parse(metadata.classes ?? '')).toContain('frog');
    expect(metadata).toMatchObject({
      formatVersion: '1',
      architecture: 'densenet121',
      imageSize: '32',
      mean: '[0.485,0.456,0.406]',
      std: '[0.229,0.224,0.225]',
    });
  });

  test('refuse what is no path, and an unknown option', async () => {
    const model = await smallModel({ weights: null });
    const refused = "path must be a file's path, not undefined";
    await expect(model.save(undefined as never)).rejects.toThrow(refused);
    await expect(model.saveBest(undefined as never)).rejects.toThrow(refused);
    await expect(DenseNet121.load(undefined as never)).rejects.toThrow(refused);
    const misspelt = { divice: 'cpu' } as object;
    await expect(DenseNet121.load('model.safetensors', misspelt)).rejects.toThrow("did you mean 'device'?");
  });

  test('refuse a file of weights that is no whole model', async () => {
    const embedded = join(
      import.meta.dirname,
      '../../assets/densenet121-tiny-imagenet-distilled.safetensors',
    );
    await expect(DenseNet121.load(embedded)).rejects.toThrow(
      expect.objectContaining({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(embedded) }),
    );
  });
});

describe('DenseNet121.freeze and unfreeze', () => {
  test('without names mean the whole backbone', async () => {
    const model = await smallModel();
    expect(await model.describe()).toMatchObject({ frozenParameters: 0, totalParameters: BACKBONE + 10_250 });
    model.freeze();
    expect(await model.describe()).toMatchObject({ trainableParameters: 10_250, frozenParameters: BACKBONE });
    model.unfreeze();
    expect(await model.describe()).toMatchObject({ frozenParameters: 0 });
  });

  test("take torchvision's names, with and without features, and other selections", async () => {
    const model = await smallModel();
    model.freeze();
    model.unfreeze('denseblock4', 'features.norm5');
    model.freeze('denseblock4.denselayer16', 'classifier');
    model.unfreeze({ through: 'norm0' }, /transition1\.norm$/);
    const { layers } = await model.describe();
    const trainable = layers
      .filter((layer) => layer.trainable && layer.parameters > 0)
      .map(({ name }) => name);
    expect(trainable).toContain('features.norm5');
    expect(trainable).toContain('features.denseblock4.denselayer1.conv1');
    expect(trainable.filter((name) => !/^features\.(denseblock4|norm5)/.test(name))).toEqual([
      'features.conv0',
      'features.norm0',
      'features.transition1.norm',
    ]);
    expect(trainable.filter((name) => name.includes('denselayer16'))).toEqual([]);
  });

  test.for([7, null, ['norm5'], { trough: 'norm5' }])('refuse %j', async (wrong) => {
    const model = await smallModel({ weights: null });
    expect(() => model.freeze(wrong as never)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^layers must be/),
      }),
    );
  });

  test('change nothing where one name is unknown, and name the nearest', async () => {
    const model = await smallModel();
    expect(() => model.freeze('norm5', 'denseblok4')).toThrow("did you mean 'denseblock4'?");
    expect(await model.describe()).toMatchObject({ frozenParameters: 0 });
  });
});

describe('DenseNet121.features', () => {
  test("gives the last maps in the data's order", async () => {
    const { train } = await smallData(7);
    const model = await smallModel({ imageSize: 64 });
    const { shape, data } = await model.features(train, { precision: 'fp32' });
    expect(shape).toEqual([7, 1024, 2, 2]);
    expect(data).toHaveLength(7 * 4096);
    expect(data.every((value) => value >= 0)).toBe(true);
  });

  test('refuses what is no data set', async () => {
    const model = await smallModel({ weights: null });
    await expect(model.features([] as never)).rejects.toThrow('data must be a Dataset');
    await expect(model.logits(undefined as never)).rejects.toThrow('data must be a Dataset');
    await expect(model.evaluate(undefined as never)).rejects.toThrow('data must be a Dataset');
  });

  test('tells how far it is', async () => {
    const { train } = await smallData(20);
    const model = await smallModel();
    const seen: number[] = [];
    await model.features(train, { batchSize: 8, onProgress: (done, total) => seen.push(done, total) });
    expect(seen.slice(-2)).toEqual([20, 20]);
  });

  test('stops on an abort, and on a mistake in the callback', async () => {
    const { train } = await smallData();
    const model = await smallModel();
    const reason = new Error('enough');
    await expect(model.features(train, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const onProgress = () => {
      throw reason;
    };
    await expect(model.features(train, { batchSize: 2, onProgress })).rejects.toBe(reason);
    const atTheEnd = (done: number, total: number) => {
      if (done === total) throw reason;
    };
    await expect(model.features(train, { onProgress: atTheEnd })).rejects.toBe(reason);
    expect((await model.features(train)).shape[0]).toBe(24);
  });
});

describe('DenseNet121.logits', () => {
  test('gives one row of classes per image, however they are batched', async () => {
    const { train } = await smallData(7);
    const model = await smallModel({ head: 'base-optimized' });
    const { shape, data } = await model.logits(train, { precision: 'fp32' });
    expect(shape).toEqual([7, 10]);
    const batched = await model.logits(train, { precision: 'fp32', batchSize: 3 });
    for (const [index, value] of data.entries()) expect(batched.data[index]).toBeCloseTo(value, 4);
    expect(new Set(data).size).toBe(70);
  });
});

interface Saved {
  path: string;
  bytes: Buffer;
  tensors: StoredTensor[];
  metadata: Record<string, string>;
}

async function saved(model: DenseNet121): Promise<Saved> {
  const path = join(temporaryDirectory(), 'model.safetensors');
  await model.save(path);
  return { path, bytes: readFileSync(path), ...(await readSafetensors(path)) };
}

/** A hash of each of the backbone's tensors, by name. */
function backboneOf(tensors: StoredTensor[]): Record<string, string> {
  const backbone = tensors.filter(({ name }) => name.startsWith('features.'));
  return Object.fromEntries(
    backbone.map(({ name, data }) => [name, createHash('sha256').update(data).digest('hex')]),
  );
}
