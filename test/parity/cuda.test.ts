import { describe, expect, test } from 'vitest';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { NativeModel } from '../../lib/engine/native.ts';
import type { Precision } from '../../lib/engine/native-computation.ts';
import { STRONG } from '../support/augmentation.ts';
import {
  epochsOf,
  hasGpu,
  nativeData,
  nativeModel,
  nativeTraining,
  newestCheckpoint,
  PLAIN_STAGE,
  type TrainingOptions,
} from '../support/native.ts';
import { expectSignatures, largest, largestDifference } from './compare.ts';
import { numbers, readFixture } from './signature.ts';

/*
 * What the processor computes, which the other tests here hold against PyTorch, a GPU computes too. (In fp32
 * without TF32, which vitest.config.ts forbids.)
 */

const DEVICES = ['cpu', 'cuda:0'] as const;
const SGD: TrainingOptions = {
  learningRate: 1e-2,
  optimizer: { ...PLAIN_STAGE.optimizer, type: 'sgd' },
};

describe.skipIf(!hasGpu)('a GPU', () => {
  test.for([
    ['fp32', 1e-4],
    ['bf16', 0.1],
  ] as const)("gives the processor's features at 155 pixels in %s", async ([precision, tolerance]) => {
    const [onCpu, onGpu] = await onBoth(async (device) => {
      const model = await nativeModel('linear', { imageSize: 155, pretrained: true, device });
      const data = await nativeData('valid', 4, 0, device);
      const options = { precision: device === 'cpu' ? 'fp32' : precision, batchSize: 4 } as const;
      return numbers(await model.features(data, options, () => {}).result);
    });
    expect(largestDifference(onCpu, onGpu)).toBeLessThanOrEqual(tolerance * largest(onCpu));
  });

  test('repeats recorded steps', () => {
    expect(loadEngine().info().cuda.graphs).toBe(true);
  });

  test("gives PyTorch's loss, gradients and running statistics", async () => {
    const fixture = await readFixture('base-step-pretrained');
    const model = await nativeModel('base', { pretrained: true, device: 'cuda:0' });
    const { train, first } = fixture.facts as { train: number; first: number };
    const data = await nativeData('train', train, first, 'cuda:0');
    const { loss, gradients } = await model.gradients(data, { precision: 'fp32', seed: 0 }).result;
    expect(loss).toBeCloseTo(fixture.tensors.get('loss')?.[0] ?? Number.NaN, 5);
    expectSignatures(fixture, 'gradient/', gradients, 1e-3);
    const statistics = (await model.state().result).filter(({ name }) => /running_/.test(name));
    expectSignatures(fixture, 'after/', statistics, 1e-4);
  });

  test.for([
    ['fp32', 1e-3],
    ['bf16', 0.1],
  ] as const)('takes ten steps with every layer training in %s', async ([precision, tolerance]) => {
    // Recorded steps and, at the end of an epoch, those of a smaller batch take turns.
    const options = { ...SGD, epochs: 5, batchSize: 12 };
    const [onCpu, onGpu] = await onBoth(async (device) => {
      const model = await nativeModel('base', { pretrained: true, device });
      return losses(model, device, { ...options, precision: device === 'cpu' ? 'fp32' : precision });
    });
    expect(onCpu).toHaveLength(10);
    expect(largestDifference(onCpu, onGpu)).toBeLessThanOrEqual(tolerance);
  });

  test('takes ten steps of the head over cached features', async () => {
    const [onCpu, onGpu] = await onBoth(async (device) => {
      const model = await nativeModel('base', { pretrained: true, device });
      await model.setTrainable(['features'], false).result;
      return losses(model, device, { epochs: 10 });
    });
    expect(largestDifference(onCpu, onGpu)).toBeLessThanOrEqual(1e-3);
  });

  test('augments as the processor does', async () => {
    const [onCpu, onGpu] = await onBoth(async (device) => {
      const model = await nativeModel('base', { device });
      const data = await nativeData('train', 16, 0, device);
      const options = { augmentation: STRONG, precision: 'fp32', seed: 3 } as const;
      const { images, targets } = await model.augmented(data, options).result;
      return [...numbers(images), ...numbers(targets)];
    });
    expect(largestDifference(onCpu, onGpu)).toBeLessThanOrEqual(1e-3);
  });

  test('goes on from a checkpoint, dropout and augmentation included', async () => {
    const options = { epochs: 8, augmentation: STRONG, emaDecay: 0.9, checkpoints: true } as const;
    const [train, valid] = [
      await nativeData('train', 16, 0, 'cuda:0'),
      await nativeData('valid', 8, 0, 'cuda:0'),
    ];
    const model = () => nativeModel('base-optimized', { pretrained: true, device: 'cuda:0' });
    const [whole, first, resumed] = [await model(), await model(), await model()];
    const { events } = await nativeTraining(whole, train, valid, options);
    await nativeTraining(first, train, valid, { ...options, epochs: 5 });
    const rest = await nativeTraining(resumed, train, valid, options, newestCheckpoint(first));
    expect(epochsOf(rest.events)).toHaveLength(3);
    const [last, again] = [epochsOf(events).at(-1), epochsOf(rest.events).at(-1)];
    expect(again?.trainLoss).toBeCloseTo(last?.trainLoss ?? Number.NaN, 2);
    expect(again?.validLoss).toBeCloseTo(last?.validLoss ?? Number.NaN, 2);
  });
});

async function onBoth<Value>(work: (device: string) => Promise<Value>): Promise<[Value, Value]> {
  const [cpu, gpu] = DEVICES;
  return [await work(cpu), await work(gpu)];
}

/** The training and validation losses of every epoch. */
async function losses(
  model: NativeModel,
  device: string,
  options: TrainingOptions & { precision?: Precision },
): Promise<number[]> {
  const [train, valid] = [await nativeData('train', 16, 0, device), await nativeData('valid', 16, 0, device)];
  const { events } = await nativeTraining(model, train, valid, options);
  return epochsOf(events).flatMap(({ trainLoss, validLoss }) => [trainLoss, validLoss]);
}
