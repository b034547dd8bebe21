import { describe, expect, test } from 'vitest';
import type { HostTensor, NativeModel, TrainEvent } from '../../lib/native.ts';
import {
  bytesOf,
  epochsOf,
  lastWeights,
  nativeData,
  nativeModel,
  nativeTraining,
  PLAIN_STAGE,
  type TrainingOptions,
  trainOptions,
} from '../support/native.ts';

const HEAD_STAGE = { ...PLAIN_STAGE, epochs: 2, trainable: null };

/** Everything on that has a state: what trains, dropout, order, momentum, average, a step of two batches. */
const OPTIONS: TrainingOptions = {
  batchSize: 4,
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

const pictures = async () => [await nativeData('train', 20), await nativeData('valid', 8)] as const;

/** The checkpoint of a training that was stopped at its `count`th batch. */
async function stoppedAt(
  model: NativeModel,
  count: number,
): Promise<{ tensors: HostTensor[]; epoch: number }> {
  const [train, valid] = await pictures();
  let batches = 0;
  const stop = (event: TrainEvent) => {
    if (event.type === 'batch' && ++batches === count) job.abort();
  };
  const job = model.train(train, valid, trainOptions(train, OPTIONS), stop, []);
  await expect(job.result).rejects.toMatchObject({ code: 'ABORTED' });
  const checkpoint = model.checkpoint();
  return { tensors: checkpoint?.tensors ?? [], epoch: checkpoint?.epoch ?? -1 };
}

/** The last block and the head train: enough to have every kind of state, and quick. */
async function newModel(): Promise<NativeModel> {
  const model = await nativeModel('base-optimized', { imageSize: 32, pretrained: true });
  await model.setTrainable(['features'], false).result;
  await model.setTrainable(['features.denseblock4', 'features.norm5'], true).result;
  return model;
}

/** What a training comes to: every epoch, the last weights and the best ones, to the bit. */
async function outcome(checkpoint: HostTensor[] = []) {
  const [train, valid] = await pictures();
  const model = await newModel();
  const { events } = await nativeTraining(model, train, valid, OPTIONS, checkpoint);
  const best = bytesOf(await model.state().result);
  return { epochs: epochsOf(events), last: bytesOf(lastWeights(model)), best };
}

describe('a training that is stopped and goes on', () => {
  let undisturbed: Awaited<ReturnType<typeof outcome>>;

  test('is first done without stopping, for comparison', async () => {
    undisturbed = await outcome();
    expect(undisturbed.epochs).toHaveLength(4);
  });

  // In the middle of a step and after one, in either stage, in the last batch of an epoch.
  test.for([2, 5, 8, 13, 17])('comes to the same bits, stopped near batch %i of 20', async (count) => {
    const { tensors, epoch } = await stoppedAt(await newModel(), count);
    const { epochs, last, best } = await outcome(tensors);
    expect(epochs).toEqual(undisturbed.epochs.slice(epoch));
    expect(last).toEqual(undisturbed.last);
    expect(best).toEqual(undisturbed.best);
  });
});

test('a checkpoint of a model with other frozen layers is refused', async () => {
  const { tensors } = await stoppedAt(await newModel(), 3);
  const model = await newModel();
  await model.setTrainable(['features.denseblock4'], false).result;
  const [train, valid] = await pictures();
  await expect(nativeTraining(model, train, valid, OPTIONS, tensors)).rejects.toMatchObject({
    code: 'CHECKPOINT_INVALID',
    message: expect.stringMatching(/trainable/),
  });
});

test('a checkpoint with a tensor missing or of another shape is refused by name', async () => {
  const { tensors } = await stoppedAt(await newModel(), 3);
  const [train, valid] = await pictures();
  for (const name of ['random.order', 'progress.step', 'optimizer.mean.classifier.1.weight']) {
    const model = await newModel();
    const without = tensors.filter((tensor) => tensor.name !== name);
    await expect(nativeTraining(model, train, valid, OPTIONS, without)).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringContaining(name),
    });
  }
});
