import { describe, expect, test } from 'vitest';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import { frozenModel } from '../support/frozen-model.ts';
import { epochsOf, lastWeights, nativeData, nativeTraining } from '../support/native.ts';
import { expectSignatures, largestDifference } from './compare.ts';
import { readFixture } from './signature.ts';

function head(tensors: HostTensor[]): HostTensor[] {
  return tensors.filter(({ name }) => name.startsWith('classifier.'));
}

describe("the paper's finetune head over a frozen backbone", () => {
  test("has PyTorch's loss and gradients", async () => {
    const fixture = await readFixture('finetune-head');
    const model = await frozenModel('norm5', { head: 'finetune', imageSize: 64 });
    expectSignatures(fixture, 'initial/', head(await model.state().result), 1e-6);
    const data = await nativeData('train', 16);
    const { loss, gradients } = await model.gradients(data, { precision: 'fp32', seed: 0 }).result;
    expect(loss).toBeCloseTo(fixture.tensors.get('loss')?.[0] ?? Number.NaN, 5);
    expect(gradients.map(({ name }) => name).sort()).toEqual(
      [...fixture.tensors.keys()]
        .filter((name) => name.startsWith('gradient/'))
        .map((name) => name.slice('gradient/'.length))
        .sort(),
    );
    expectSignatures(fixture, 'gradient/', gradients, 1e-4);
  });

  test("takes PyTorch's ten steps of Adam, dropout and shuffling included", async () => {
    const fixture = await readFixture('finetune-head');
    const model = await frozenModel('norm5', { head: 'finetune', imageSize: 64 });
    const [train, valid] = [await nativeData('train', 16), await nativeData('valid', 16)];
    const { events } = await nativeTraining(model, train, valid, { epochs: 10, checkpoints: true });
    const epochs = epochsOf(events);
    for (const [name, found] of [
      ['train.loss', epochs.map(({ trainLoss }) => trainLoss)],
      ['valid.loss', epochs.map(({ validLoss }) => validLoss)],
      ['train.accuracy', epochs.map(({ trainAccuracy }) => trainAccuracy)],
      ['valid.accuracy', epochs.map(({ validAccuracy }) => validAccuracy)],
    ] as const) {
      expect(largestDifference(found, fixture.tensors.get(name) ?? []), name).toBeLessThanOrEqual(1e-4);
    }
    expectSignatures(fixture, 'step10/', head(lastWeights(model)), 1e-3);
  });

  test("has PyTorch's tensors after the first step", async () => {
    const fixture = await readFixture('finetune-head');
    const model = await frozenModel('norm5', { head: 'finetune', imageSize: 64 });
    await nativeTraining(model, await nativeData('train', 16), await nativeData('valid', 16));
    expectSignatures(fixture, 'step1/', head(await model.state().result), 1e-3);
  });
});
