import { describe, expect, test } from 'vitest';
import type { NativeModel } from '../../lib/engine/native.ts';
import type { HostTensor, Kernels } from '../../lib/engine/native-computation.ts';
import type { StageOptions } from '../../lib/engine/native-training.ts';
import { logSoftmax, rowsOf } from '../../lib/model/logits.ts';
import { type LayerSelection, leafNamesOf, selectLayers } from '../../lib/options/layer-selection.ts';
import {
  checkpointTensors,
  epochEvents,
  lastWeights,
  nativeImages,
  nativeModel,
  nativeTraining,
  PLAIN_STAGE,
  sampleImages,
} from '../support/native.ts';

/*
 * An epoch is validated with the weights that its steps came to, whatever trains: what the executors keep of a layer
 * must not outlive its values. Other ways to the same loss: a model that is new but for the weights, run by the
 * executors and by the plain modules.
 */

const IMAGES = 4;

/** What does not train. */
const FROZEN: Array<[string, LayerSelection[]]> = [
  ['nothing', []],
  ['every norm', ['*norm*']],
  ['every convolution', ['*conv*']],
  ['the backbone', ['backbone']],
  ['a block', ['denseblock2']],
  [
    'layers amid others',
    ['conv0', 'denseblock1.denselayer3', 'denseblock3.denselayer7.conv1', 'transition2.norm'],
  ],
  ["a block's norms", [/denseblock4.*norm/]],
  ['the head', ['classifier']],
  ['the front, and every norm behind it', [{ through: 'denseblock3' }, '*norm*']],
];

const RATES = { adam: 1e-3, adamw: 1e-3, sgd: 1e-2 } as const;

describe.each(FROZEN)('with %s frozen', (_, frozen) => {
  test.each([
    ['adam', null],
    ['adamw', null],
    ['sgd', null],
    ['adam', 0.5],
    ['sgd', 0.5],
  ] as const)('%s, averaging %s', async (type, emaDecay) => {
    const model = await smallest();
    await validated(model, [stageOf(model, frozen, type)], emaDecay);
  });
});

test('stages that freeze, unfreeze and freeze again', async () => {
  const model = await smallest();
  const ways: LayerSelection[][] = [
    ['backbone'],
    [],
    ['*norm*'],
    [{ through: 'denseblock2' }, '*norm*'],
    ['*norm*'],
  ];
  await validated(
    model,
    ways.map((frozen) => stageOf(model, frozen, 'adam')),
    null,
  );
});

test('a model that was evaluated, frozen and unfrozen before', async () => {
  const model = await smallest();
  const data = await images('valid');
  const norms = leavesOf(model).filter((name) => name.includes('norm'));
  await lossOf(model, data);
  await model.setTrainable(norms, false).result;
  await validated(model, [{ ...stageOf(model, [], 'adam'), trainable: null }], null);
  await model.setTrainable(norms, true).result;
  await model.setTrainable(['features.denseblock1'], false).result;
  await validated(model, [{ ...stageOf(model, [], 'sgd'), trainable: null }], null);
});

/** Trains two epochs a stage, and compares the last epoch's validation loss. */
async function validated(model: NativeModel, stages: StageOptions[], emaDecay: number | null) {
  const [train, valid] = [await images('train'), await images('valid')];
  const before = await lossOf(model, valid);
  const options = { stages, emaDecay, batchSize: 4, checkpoints: true };
  const { events } = await nativeTraining(model, train, valid, options);
  const { validLoss } = epochEvents(events).at(-1) as { validLoss: number };
  expect(Math.abs(validLoss - before)).toBeGreaterThan(1e-4);

  const fresh = await smallest();
  await fresh.load(lastWeights(model)).result;
  if (emaDecay !== null) await fresh.load(averages(model)).result;
  expect(validLoss).toBeCloseTo(await lossOf(fresh, valid), 5);
  expect(validLoss).toBeCloseTo(await lossOf(fresh, valid, 'libtorch'), 3);
}

function smallest(): Promise<NativeModel> {
  return nativeModel('linear', { imageSize: 32, pretrained: true });
}

async function images(part: 'train' | 'valid') {
  return nativeImages(await sampleImages(part, IMAGES));
}

function stageOf(model: NativeModel, frozen: LayerSelection[], type: keyof typeof RATES): StageOptions {
  const leaves = leavesOf(model);
  const still = new Set(frozen.length > 0 ? selectLayers(frozen, leaves) : []);
  return {
    ...PLAIN_STAGE,
    epochs: 2,
    trainable: leaves.filter((name) => !still.has(name)),
    optimizer: { ...PLAIN_STAGE.optimizer, type },
    learningRate: RATES[type],
  };
}

function leavesOf(model: NativeModel): string[] {
  return leafNamesOf(model.tensors().map(({ name }) => name));
}

function averages(model: NativeModel): HostTensor[] {
  return checkpointTensors(model, 'average.');
}

/** The mean cross-entropy of a pass over the set. */
async function lossOf(
  model: NativeModel,
  data: Awaited<ReturnType<typeof images>>,
  kernels: Kernels = 'auto',
): Promise<number> {
  const options = { precision: 'fp32', batchSize: 4, kernels } as const;
  const { shape, data: bytes } = await model.logits(data, options, () => {}).result;
  const { labels } = await sampleImages('valid', IMAGES);
  const rows = rowsOf({ shape, data: new Float32Array(Uint8Array.from(bytes).buffer) });
  const losses = rows.map((row, index) => -(logSoftmax(row)[Number(labels[index])] as number));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
