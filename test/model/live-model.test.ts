import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Dataset } from '../../lib/data/dataset.ts';
import { DenseNet121 } from '../../lib/densenet121.ts';
import type { FitOptions } from '../../lib/training/fit.ts';
import { pretrainedModel, smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * A model that has been trained, stopped or loaded makes of images, to the bit, what it makes of them after it was
 * saved and loaded anew.
 */

/** Norms stand still, and the weights alone say that something has changed. */
const NORMS: FitOptions['freeze'] = ['*norm*'];

const FOREVER = 1000;

let model: DenseNet121;
let train: Dataset;
let valid: Dataset;
let directory: string;

beforeEach(async () => {
  ({ train, valid } = await smallData(4, 4));
  model = await pretrainedModel();
  directory = temporaryDirectory();
  await answers(model);
});

describe.each(['adam', 'adamw', 'sgd'] as const)('%s', (optimizer) => {
  test('after a training', async () => {
    await trained({ optimizer });
    await expectAsSaved();
  });

  test('after a training with averaged weights', async () => {
    await trained({ optimizer, emaDecay: 0.5 });
    await expectAsSaved();
  });

  test.each([undefined, 0.5])('after one that was stopped, averaging %s', async (emaDecay) => {
    const controller = new AbortController();
    const options = { optimizer, epochs: FOREVER, emaDecay, signal: controller.signal };
    const run = model.fit(train, { ...shared(), ...options });
    for await (const { epoch } of run) {
      if (epoch === 2) break;
    }
    controller.abort(new Error('enough'));
    await expect(run.result).rejects.toThrow('enough');
    await expectAsSaved();
  });
});

test('after one whose callback has thrown', async () => {
  const onBatch = ({ epoch }: { epoch: number }) => {
    if (epoch >= 2) throw new Error('of the caller');
  };
  await expect(trained({ epochs: FOREVER, onBatch })).rejects.toThrow('of the caller');
  await expectAsSaved();
});

test('after one whose loss was no number', async () => {
  const dense = { type: 'dense', units: 8 } as const;
  const head = [{ type: 'globalAveragePool' }, dense, dense, { type: 'dense', units: 'classes' }] as const;
  model = await smallModel({ head });
  await answers(model);
  // Weights that can still be saved, and whose product is no number: each layer's gradient holds the other two.
  const layerLearningRates = { classifier: 1e6 };
  const failing = trained({ optimizer: 'sgd', layerLearningRates, epochs: 3 });
  await expect(failing).rejects.toMatchObject({ code: 'LOSS_NOT_FINITE' });
  await expectAsSaved();
});

test('after one that has gone on from a checkpoint', async () => {
  const checkpoint = join(directory, 'checkpoint');
  await trained({ checkpoint, epochs: 1 });
  const once = await answers(model);
  await trained({ checkpoint, epochs: 3, resume: true });
  expect(await answers(model)).not.toEqual(once);
  await expectAsSaved();
});

test('after a checkpoint that it could not go on from', async () => {
  const checkpoint = join(directory, 'checkpoint');
  await trained({ checkpoint });
  model.unfreeze();
  model.freeze('denseblock1');
  // Its weights are restored, then it is seen to be of other layers.
  const resumed = model.fit(train, { ...shared(), freeze: undefined, checkpoint, resume: true }).result;
  await expect(resumed).rejects.toThrow();
  await expectAsSaved();
});

test('after a search for a learning rate, and as before it', async () => {
  const before = await answers(model);
  await model.findLearningRate(train, { freeze: NORMS, batchSize: 4, steps: 5, start: 1e-3, end: 1e-1 });
  expect(await answers(model)).toEqual(before);
  await expectAsSaved();
});

test('after trainings between which layers were frozen and let go', async () => {
  for (const selection of [NORMS as string[], ['backbone'], ['denseblock2', '*.norm1'], ['classifier']]) {
    model.unfreeze();
    model.unfreeze('classifier');
    model.freeze(...selection);
    await trained({ freeze: undefined });
    await expectAsSaved();
  }
});

test('in every kind of pass', async () => {
  await trained({});
  await expectAsSaved(async (one) => [
    await one.features(valid, { precision: 'bf16' }),
    await one.logits(valid, { precision: 'bf16' }),
    await one.evaluate(valid),
    await one.logits(valid, { kernels: 'libtorch' }),
    (await one.gradCam({ data: await valid.pixelsAt(0), width: 32, height: 32, channels: 3 })).map(
      ({ map }) => map,
    ),
  ]);
});

function shared() {
  const epochs = 2;
  return { valid, epochs, freeze: NORMS, batchSize: 4, learningRate: 1e-3, precision: 'fp32' } as const;
}

async function trained(options: Partial<FitOptions>): Promise<void> {
  await model.fit(train, { ...shared(), ...options }).result;
}

async function answers(of: DenseNet121): Promise<unknown> {
  return [await of.features(valid, { precision: 'fp32' }), await of.logits(valid, { precision: 'fp32' })];
}

async function expectAsSaved(ask: (of: DenseNet121) => Promise<unknown> = answers): Promise<void> {
  const file = join(directory, 'model.safetensors');
  const live = await ask(model);
  await model.save(file);
  const loaded = await DenseNet121.load(file);
  try {
    expect(live).toEqual(await ask(loaded));
  } finally {
    loaded.dispose();
  }
}
