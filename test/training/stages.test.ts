import { describe, expect, test } from 'vitest';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import type { StageOptions } from '../../lib/engine/native-training.ts';
import { largestDifference } from '../parity/compare.ts';
import { numbers } from '../parity/signature.ts';
import {
  bytesOf,
  epochEvents,
  lastWeights,
  nativeData,
  nativeModel,
  nativeTraining,
  PLAIN_STAGE,
} from '../support/native.ts';

const STATISTICS = /\.(running_mean|running_var|num_batches_tracked)$/;
const HEAD = /^classifier\./;
const LAST_BLOCK = /^features\.(denseblock4|norm5)\b/;
const LAST_BLOCK_AND_HEAD = /^(features\.(denseblock4|norm5)|classifier)\b/;

/** A learning rate that moves nothing. */
const STILL = 1e-30;

/** From the same weights each time: the same stages come to the same bits. */
async function trained(stagesOf: (layers: string[]) => StageOptions[]) {
  const model = await nativeModel('finetune', { imageSize: 32, pretrained: true });
  const layers = await model.describe().result;
  const initial = await model.state().result;
  const [train, valid] = [await nativeData('train', 16), await nativeData('valid', 16)];
  const { events, result } = await nativeTraining(model, train, valid, {
    batchSize: 8,
    checkpoints: true,
    stages: stagesOf(layers.map(({ name }) => name)),
  });
  const best = await model.state().result;
  return { layers, initial, best, last: lastWeights(model), events, result };
}

function stage(layers: string[], trains: RegExp, options: Partial<StageOptions> = {}): StageOptions {
  return { ...PLAIN_STAGE, epochs: 4, trainable: layers.filter((name) => trains.test(name)), ...options };
}

/** Learns the images by heart at once: its best epoch is not the last. */
const hasty = (layers: string[]) => stage(layers, HEAD, { epochs: 6, learningRate: 0.01 });

function changed(before: HostTensor[], after: HostTensor[]): string[] {
  const bytes = bytesOf(after);
  return [...bytesOf(before)].filter(([name, value]) => bytes.get(name) !== value).map(([name]) => name);
}

/** The parameters that differ by more than rounding. */
function moved(before: HostTensor[], after: HostTensor[]): string[] {
  const values = new Map(after.map((tensor) => [tensor.name, numbers(tensor)]));
  return before
    .filter(({ name }) => !STATISTICS.test(name))
    .filter((tensor) => largestDifference(numbers(tensor), values.get(tensor.name) ?? []) > 1e-7)
    .map(({ name }) => name);
}

const namesOf = (tensors: HostTensor[]) => tensors.map(({ name }) => name);

describe('a training in stages', () => {
  test('trains in each stage what the stage says, and keeps every other bit', async () => {
    const first = await trained((layers) => [hasty(layers)]);
    const both = await trained((layers) => [hasty(layers), stage(layers, LAST_BLOCK)]);
    const names = namesOf(first.initial);
    expect(changed(first.initial, first.last)).toEqual(names.filter((name) => HEAD.test(name)));
    expect(changed(first.best, both.last)).toEqual(names.filter((name) => LAST_BLOCK.test(name)));
  });

  test('starts each stage from the best weights so far, not from the last', async () => {
    const still = (layers: string[]) => stage(layers, LAST_BLOCK_AND_HEAD, { learningRate: STILL });
    const first = await trained((layers) => [hasty(layers)]);
    const both = await trained((layers) => [hasty(layers), still(layers)]);
    expect(moved(first.best, first.last)).not.toEqual([]);
    expect(moved(first.best, both.last)).toEqual([]);
    expect(changed(first.best, both.last).every((name) => STATISTICS.test(name))).toBe(true);
  });

  test('counts epochs on, and gives each stage its own schedule and early stopping', async () => {
    const { layers, events, result } = await trained((names) => [
      stage(names, HEAD, { earlyStopping: { patience: 1, minDelta: 100 } }),
      stage(names, LAST_BLOCK_AND_HEAD, {
        epochs: 3,
        learningRate: 4e-4,
        schedule: { ...PLAIN_STAGE.schedule, type: 'step', stepFactor: 0.5, minLearningRate: 1.5e-4 },
      }),
    ]);
    const parameters = (trains: RegExp) =>
      layers.filter(({ name }) => trains.test(name)).reduce((sum, layer) => sum + layer.parameters, 0);
    expect(events.filter(({ type }) => type === 'stage')).toEqual([
      { type: 'stage', stage: 1, stages: 2, trainableParameters: parameters(HEAD) },
      { type: 'stage', stage: 2, stages: 2, trainableParameters: parameters(LAST_BLOCK_AND_HEAD) },
    ]);
    expect(epochEvents(events).map(({ epoch, stage, lr }) => ({ epoch, stage, lr }))).toEqual([
      { epoch: 1, stage: 1, lr: 1e-3 },
      { epoch: 2, stage: 1, lr: 1e-3 },
      { epoch: 3, stage: 2, lr: 4e-4 },
      { epoch: 4, stage: 2, lr: 2e-4 },
      { epoch: 5, stage: 2, lr: 1.5e-4 },
    ]);
    expect(result.stoppedBecause).toBe('epochs');
  });
});

test("layers' own learning rates reach their parameters and no others", async () => {
  const still = /^(features\.denseblock4\.denselayer(2|16)\b|features\.norm5|classifier\.3)/;
  const { initial, last } = await trained((layers) => [
    stage(layers, LAST_BLOCK_AND_HEAD, {
      layerLearningRates: [{ layers: layers.filter((name) => still.test(name)), learningRate: STILL }],
    }),
  ]);
  expect(moved(initial, last)).toEqual(
    namesOf(initial).filter(
      (name) => LAST_BLOCK_AND_HEAD.test(name) && !still.test(name) && !STATISTICS.test(name),
    ),
  );
});
