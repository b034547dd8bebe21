import { expect, test } from 'vitest';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import {
  checkpointTensors,
  epochEvents,
  lastWeights,
  nativeData,
  nativeModel,
  nativeTraining,
  type TrainingOptions,
} from '../support/native.ts';
import { expectSignatures, largestDifference } from './compare.ts';
import { readFixture } from './signature.ts';

/*
 * Every optimiser, schedule and loss. The fixture says of each variant what the engine is to do, in the engine's
 * own options, and what PyTorch's classes came to.
 */

const LOSS_TOLERANCE = 2e-5;
const WEIGHT_TOLERANCE = 3e-4;
const RATE_TOLERANCE = 1e-12;

type Variant = TrainingOptions & { trainable: string[] };

const fixture = await readFixture('training-variants');
const variants = Object.entries(fixture.facts.variants as Record<string, Variant>);

test.for(variants)('%s trains as PyTorch does', async ([variant, options]) => {
  const model = await nativeModel('finetune', { imageSize: 32, pretrained: true });
  const [train, valid] = [await nativeData('train', 16), await nativeData('valid', 16)];
  const { events } = await nativeTraining(model, train, valid, { ...options, threads: 2, checkpoints: true });

  const epochs = epochEvents(events);
  const rates = curve(variant, 'lr');
  const ratios = epochs.map(({ lr }, epoch) => lr / (rates[epoch] ?? Number.NaN));
  expect(largestDifference(ratios, Array.from(rates).fill(1))).toBeLessThanOrEqual(RATE_TOLERANCE);
  for (const [name, found] of [
    ['train.loss', epochs.map(({ trainLoss }) => trainLoss)],
    ['valid.loss', epochs.map(({ validLoss }) => validLoss)],
  ] as const) {
    expect(largestDifference(found, curve(variant, name)), name).toBeLessThanOrEqual(LOSS_TOLERANCE);
  }

  const trained = ({ name }: HostTensor) => options.trainable.includes(name.slice(0, name.lastIndexOf('.')));
  expectAll(`${variant}/last/`, lastWeights(model).filter(trained));
  expectAll(`${variant}/average/`, checkpointTensors(model, 'average.'));
});

test('no variant could be taken for another', () => {
  const pairs = variants.flatMap(([a], i) => variants.slice(i + 1).map(([b]) => [a, b] as const));
  const alike = pairs.filter(
    ([a, b]) =>
      curve(a, 'lr').length === curve(b, 'lr').length &&
      ['train.loss', 'valid.loss'].every(
        (name) => largestDifference(curve(a, name), curve(b, name)) <= 100 * LOSS_TOLERANCE,
      ),
  );
  expect(alike).toEqual([]);
});

function curve(variant: string, name: string): Float32Array | Float64Array {
  return fixture.tensors.get(`${variant}/${name}`) ?? new Float64Array();
}

/** Expects the tensors to be those of the fixture under `prefix`, no more and no fewer. */
function expectAll(prefix: string, tensors: HostTensor[]): void {
  const names = [...fixture.tensors.keys()].filter((name) => name.startsWith(prefix));
  expect(tensors.map(({ name }) => prefix + name).sort()).toEqual(names.sort());
  expectSignatures(fixture, prefix, tensors, WEIGHT_TOLERANCE);
}
