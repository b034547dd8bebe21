import { describe, expect, test } from 'vitest';
import type { NativeModel } from '../../lib/engine/native.ts';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import type { NativeCheckpoint, TrainEvent } from '../../lib/engine/native-training.ts';
import { leafNamesOf } from '../../lib/options/layer-selection.ts';
import { STRONG } from '../support/augmentation.ts';
import {
  bytesOf,
  epochsOf,
  lastWeights,
  nativeData,
  nativeModel,
  nativeTraining,
  newestCheckpoint,
  PLAIN_STAGE,
  type TrainingOptions,
  trainOptions,
} from '../support/native.ts';
import { stopped } from '../support/stopped.ts';

const HEAD_STAGE = { ...PLAIN_STAGE, epochs: 2, trainable: null };

/** Everything on that has a state: what trains, dropout, order, momentum, average, a step of two batches. */
const OPTIONS: TrainingOptions = {
  batchSize: 2,
  seed: 5,
  stages: [
    {
      ...HEAD_STAGE,
      schedule: { ...PLAIN_STAGE.schedule, type: 'one-cycle' },
      earlyStopping: { patience: 9, minDelta: 0 },
    },
    {
      ...HEAD_STAGE,
      learningRate: 1e-2,
      optimizer: { ...PLAIN_STAGE.optimizer, type: 'sgd', weightDecay: 1e-4 },
      schedule: { ...PLAIN_STAGE.schedule, type: 'plateau', plateauPatience: 1 },
    },
  ],
  gradientAccumulationSteps: 2,
  clipNorm: 1,
  emaDecay: 0.9,
  labelSmoothing: 0.1,
  checkpoints: true,
};

/** First the head trains, then the last block too: each stage has its own frozen layers in front. */
function deepening(model: NativeModel, options: TrainingOptions): TrainingOptions {
  const leaves = leafNamesOf(model.tensors().map(({ name }) => name));
  const trained = [/^classifier/, /^(features\.denseblock4|features\.norm5|classifier)\b/];
  const stages = options.stages?.map((stage, index) => ({
    ...stage,
    trainable: leaves.filter((leaf) => trained[index]?.test(leaf)),
  }));
  return { ...options, stages: stages ?? [] };
}

type OptionsFor = (model: NativeModel) => TrainingOptions;

const images = async () => [await nativeData('train', 10), await nativeData('valid', 4)] as const;

/** The checkpoint of a training that was stopped at its `count`th batch. */
async function stoppedAt(
  count: number,
  optionsFor: OptionsFor = () => OPTIONS,
): Promise<{ tensors: HostTensor[]; epoch: number }> {
  const [train, valid] = await images();
  let checkpoint = { tensors: [] as HostTensor[], epoch: -1 };
  const error = await stopped(async () => {
    const model = await newModel();
    // A busy event loop does not hear of every batch.
    const stop = (event: TrainEvent) => {
      if (event.type === 'batch' && (event.epoch - 1) * event.batches + event.batch >= count) job.abort();
    };
    const job = model.train(train, valid, trainOptions(train, optionsFor(model)), stop, []);
    await job.result.finally(() => {
      checkpoint = { tensors: newestCheckpoint(model), epoch: model.checkpoint()?.epoch ?? -1 };
    });
  });
  expect(error).toMatchObject({ code: 'ABORTED' });
  return checkpoint;
}

/** The last block and the head train: enough to have every kind of state, and quick. */
async function newModel(): Promise<NativeModel> {
  const model = await nativeModel('base-optimized', { imageSize: 32, pretrained: true });
  await model.setTrainable(['features'], false).result;
  await model.setTrainable(['features.denseblock4', 'features.norm5'], true).result;
  return model;
}

/** What a training comes to: every epoch, the last weights and the best ones, to the bit. */
async function outcome(checkpoint: HostTensor[] = [], optionsFor: OptionsFor = () => OPTIONS) {
  const [train, valid] = await images();
  const model = await newModel();
  const { events } = await nativeTraining(model, train, valid, optionsFor(model), checkpoint);
  const best = bytesOf(await model.state().result);
  const logits = model.bestLogits();
  return { epochs: epochsOf(events), last: bytesOf(lastWeights(model)), best, logits };
}

/** A checkpoint of a training that nobody stopped, the first of its kind. */
async function takenWhere(
  wanted: (checkpoint: NativeCheckpoint) => boolean,
  options: TrainingOptions,
): Promise<NativeCheckpoint> {
  const [train, valid] = await images();
  const model = await newModel();
  let taken: NativeCheckpoint | undefined;
  const take = (event: TrainEvent) => {
    if (event.type !== 'checkpoint') return;
    const newest = model.checkpoint();
    if (newest && wanted(newest)) taken ??= newest;
    newest?.release();
  };
  await model.train(train, valid, trainOptions(train, options), take, []).result;
  return taken ?? expect.fail('there was no such checkpoint');
}

const TRAININGS: Array<[string, OptionsFor]> = [
  ['over cached features', () => OPTIONS],
  ['of more layers in each stage', (model) => deepening(model, OPTIONS)],
  [
    'with augmentation, of more layers in each stage',
    (model) => deepening(model, { ...OPTIONS, augmentation: STRONG }),
  ],
];

describe.for(TRAININGS)('a training %s that is stopped and goes on', ([, optionsFor]) => {
  let undisturbed: Awaited<ReturnType<typeof outcome>>;

  test('is first done without stopping, for comparison', async () => {
    undisturbed = await outcome([], optionsFor);
    expect(undisturbed.epochs).toHaveLength(4);
  });

  // In the middle of a step and after one, in either stage, in the last batch of an epoch.
  test.for([2, 5, 8, 13, 17])('comes to the same bits, stopped near batch %i of 20', async (count) => {
    const { tensors, epoch } = await stoppedAt(count, optionsFor);
    const { epochs, last, ...best } = await outcome(tensors, optionsFor);
    expect(epochs).toEqual(undisturbed.epochs.slice(epoch));
    expect(last).toEqual(undisturbed.last);
    expect(best).toEqual({ best: undisturbed.best, logits: undisturbed.logits });
  });
});

describe('a training that goes on from a checkpoint that was made while it ran', () => {
  const augmented = { ...OPTIONS, augmentation: STRONG };

  test.for<[string, number | null, (checkpoint: NativeCheckpoint) => boolean]>([
    ['by time', 1e-9, ({ epoch, batch }) => epoch === 1 && batch > 0],
    ['after an epoch', null, ({ epoch, batch }) => epoch === 2 && batch === 0],
  ])('%s, comes to the same bits', async ([, checkpointSeconds, wanted]) => {
    const options = { ...augmented, checkpointSeconds };
    const undisturbed = await outcome([], () => augmented);
    const { epoch, count, tensors } = await takenWhere(wanted, options);
    const { epochs, last, ...best } = await outcome(tensors(0, count), () => augmented);
    expect(epochs).toEqual(undisturbed.epochs.slice(epoch));
    expect(last).toEqual(undisturbed.last);
    expect(best).toEqual({ best: undisturbed.best, logits: undisturbed.logits });
  });
});

test('a checkpoint of a model with other frozen layers is refused', async () => {
  const { tensors } = await stoppedAt(3);
  const model = await newModel();
  await model.setTrainable(['features.denseblock4'], false).result;
  const [train, valid] = await images();
  await expect(nativeTraining(model, train, valid, OPTIONS, tensors)).rejects.toMatchObject({
    code: 'CHECKPOINT_INVALID',
    message: expect.stringMatching(/trainable parameters .*; freeze the layers that were frozen then$/),
  });
});

test('a checkpoint with a tensor missing or of another shape is refused by name', async () => {
  const { tensors } = await stoppedAt(3);
  const [train, valid] = await images();
  for (const name of ['random.order', 'progress.step', 'optimizer.mean.classifier.1.weight']) {
    const model = await newModel();
    const without = tensors.filter((tensor) => tensor.name !== name);
    await expect(nativeTraining(model, train, valid, OPTIONS, without)).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining(name),
    });
  }
});

test("a checkpoint without the best epoch's logits, of an older version, can be resumed", async () => {
  const { tensors } = await stoppedAt(8);
  const older = tensors.filter(({ name }) => name !== 'best_epoch.logits');
  expect(older).toHaveLength(tensors.length - 1);
  const { last } = await outcome(older);
  expect(last).toEqual((await outcome(tensors)).last);
});
