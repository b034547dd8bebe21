import { describe, expect, test } from 'vitest';
import type { TrainEvent } from '../../lib/engine/native-training.ts';
import { frozenModel } from '../support/frozen-model.ts';
import {
  bytesOf,
  checkpointTensors,
  epochEvents,
  epochsOf,
  nativeData,
  nativeModel,
  nativeTraining,
  PLAIN_STAGE,
  trainOptions,
} from '../support/native.ts';

const OPTIONS = { batchSize: 8, epochs: 3 };

describe('the training loop', () => {
  test('gives the same bits for the same seed, and others for another', async () => {
    const [train, valid] = [await nativeData('train', 24), await nativeData('valid', 8)];
    const weights = [];
    for (const seed of [3, 3, 4]) {
      const model = await frozenModel('norm5', { head: 'finetune' });
      await nativeTraining(model, train, valid, { ...OPTIONS, seed });
      weights.push(bytesOf(await model.state().result));
    }
    expect(weights[1]).toEqual(weights[0]);
    expect(weights[2]).not.toEqual(weights[0]);
  });

  test('adds a last batch of one to the batch before it, so that every image counts', async () => {
    const model = await frozenModel('norm5', { head: 'finetune' });
    const [train, valid] = [await nativeData('train', 17), await nativeData('valid', 9)];
    const { events } = await nativeTraining(model, train, valid, { ...OPTIONS, epochs: 1 });
    const batches = events.filter((event) => event.type === 'batch').map(({ batches }) => batches);
    expect(new Set(batches)).toEqual(new Set([2]));
    for (const { trainAccuracy, validAccuracy } of epochsOf(events)) {
      expect(trainAccuracy * 17).toBeCloseTo(Math.round(trainAccuracy * 17), 9);
      expect(validAccuracy * 9).toBeCloseTo(Math.round(validAccuracy * 9), 9);
    }
  });

  test('keeps the weights of the best epoch apart while it trains on', async () => {
    const model = await frozenModel('norm5', { head: 'finetune' });
    const [train, valid] = [await nativeData('train', 16), await nativeData('valid', 16)];
    const kept = new Map<number, Map<string, string>>();
    const events: TrainEvent[] = [];
    const options = trainOptions(train, { ...OPTIONS, epochs: 8, learningRate: 0.05 });
    const onEvent = (event: TrainEvent) => {
      events.push(event);
      if (event.type === 'epoch' && event.best) kept.set(event.epoch, bytesOf(model.best()));
    };
    await model.train(train, valid, options, onEvent, []).result;
    const epochs = epochEvents(events);
    const best = epochs.reduce((a, b) =>
      b.validAccuracy > a.validAccuracy || (b.validAccuracy === a.validAccuracy && b.validLoss < a.validLoss)
        ? b
        : a,
    );
    expect([...kept.keys()].at(-1)).toBe(best.epoch);
    expect(bytesOf(model.best())).toEqual(kept.get(best.epoch));
    expect(bytesOf(await model.state().result)).toEqual(kept.get(best.epoch));
  });

  test("keeps the best epoch's validation logits", async () => {
    const model = await frozenModel('norm5', { head: 'finetune' });
    const [train, valid] = [await nativeData('train', 16), await nativeData('valid', 17)];
    expect(model.bestLogits()).toBeNull();
    const { events } = await nativeTraining(model, train, valid, {
      ...OPTIONS,
      epochs: 8,
      learningRate: 0.05,
      checkpoints: true,
    });
    expect(epochEvents(events).at(-1)?.best).toBe(false);
    // The model has its best weights again, the features come from the cache here and from the images there.
    const options = { precision: 'fp32', batchSize: 8 } as const;
    const logits = await model.logits(valid, options, () => {}).result;
    expect(model.bestLogits()).toEqual(logits);
    expect(checkpointTensors(model, 'best_epoch.').find(({ name }) => name === 'logits')).toEqual(logits);
  });

  test('lowers the learning rate on a plateau as Keras does, down to the smallest', async () => {
    const model = await frozenModel('norm5', { head: 'finetune' });
    const [train, valid] = [await nativeData('train', 8), await nativeData('valid', 8)];
    // Images that are learnt by heart at once: the validation loss rises from then on.
    const plateau = { plateauFactor: 0.1, plateauPatience: 2, minLearningRate: 2e-4 };
    const { events } = await nativeTraining(model, train, valid, {
      ...OPTIONS,
      epochs: 14,
      learningRate: 0.01,
      schedule: { ...PLAIN_STAGE.schedule, type: 'plateau', ...plateau },
    });
    const epochs = epochEvents(events);
    let [best, waited, lr] = [Number.POSITIVE_INFINITY, 0, 0.01];
    const expected = epochs.map(({ validLoss }) => {
      const used = lr;
      waited = validLoss < best - 1e-4 ? 0 : waited + 1;
      if (waited === 0) best = validLoss;
      if (waited === plateau.plateauPatience)
        [lr, waited] = [Math.max(lr * plateau.plateauFactor, plateau.minLearningRate), 0];
      return used;
    });
    expect(epochs.map(({ lr: used }) => used)).toEqual(expected);
    expect(expected.at(-1)).toBeLessThan(0.01);
  });

  test('names epoch and batch of a loss that is not finite, and keeps what it had', async () => {
    const model = await frozenModel('norm5');
    const [train, valid] = [await nativeData('train', 24), await nativeData('valid', 8)];
    const events: TrainEvent[] = [];
    const options = trainOptions(train, { ...OPTIONS, learningRate: 1e38 });
    const job = model.train(train, valid, options, (event) => events.push(event), []);
    await expect(job.result).rejects.toMatchObject({
      name: 'TorchTlError',
      code: 'LOSS_NOT_FINITE',
      message: expect.stringMatching(/epoch 1, batch 2/),
    });
  });

  test('stops within a batch when it is told to', async () => {
    const model = await frozenModel('norm5', { head: 'finetune' });
    const [train, valid] = [await nativeData('train', 24), await nativeData('valid', 8)];
    let batchesAfter = 0;
    const options = trainOptions(train, { ...OPTIONS, epochs: 100_000, featureCache: null });
    const stopAtBatch = (event: TrainEvent) => {
      if (event.type !== 'batch') return;
      batchesAfter += 1;
      job.abort();
    };
    const job = model.train(train, valid, options, stopAtBatch, []);
    await expect(job.result).rejects.toMatchObject({ code: 'ABORTED' });
    expect(batchesAfter).toBeLessThanOrEqual(2);
    expect((await nativeTraining(model, train, valid, { ...OPTIONS, epochs: 1 })).result.stoppedBecause).toBe(
      'epochs',
    );
  });
});

test.for(['base', 'base-optimized'])(
  '%s trains every layer: its loss falls and every tensor moves',
  async (head) => {
    const model = await nativeModel(head, { imageSize: 32 });
    const before = bytesOf(await model.state().result);
    const [train, valid] = [await nativeData('train', 48), await nativeData('valid', 10)];
    const { events } = await nativeTraining(model, train, valid, { ...OPTIONS, batchSize: 16 });
    const losses = epochsOf(events).map(({ trainLoss }) => trainLoss);
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
    const after = bytesOf(await model.state().result);
    expect([...after.keys()].filter((name) => after.get(name) === before.get(name))).toEqual([]);
  },
);
