import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NativeDataset, NativeModel } from '../../lib/engine/native.ts';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import type { AugmentationOptions } from '../../lib/engine/native-training.ts';
import { logSoftmax } from '../../lib/model/logits.ts';
import { largestDifference } from '../parity/compare.ts';
import { numbers } from '../parity/signature.ts';
import { OFF } from '../support/augmentation.ts';
import {
  createNativeModel,
  epochsOf,
  lastWeights,
  nativeImages,
  nativeTraining,
  PLAIN_STAGE,
  sampleImages,
  type TrainingOptions,
} from '../support/native.ts';

/*
 * What a loss is a mean over. Every mean must come out as one division by the sum of all weights in it, however its
 * images are cut into batches.
 */

const TOLERANCE = 1e-5;
/** So far apart that no mean of means is right by chance. */
const CLASS_WEIGHTS = [0.05, 3, 0.4, 20, 0.1, 7, 1, 0.02, 50, 2];
const SGD: TrainingOptions = {
  optimizer: { ...PLAIN_STAGE.optimizer, type: 'sgd', momentum: 0, nesterov: false },
  learningRate: 0.05,
};
/** A step that moves nothing. */
const STILL: TrainingOptions = { ...SGD, learningRate: 1e-30 };

/** Its head has no norms, so that a batch is no more than the sum of its images. */
let model: NativeModel;
let initial: HostTensor[];

beforeAll(async () => {
  model = await createNativeModel('linear', { imageSize: 32 });
  await model.setTrainable(['features'], false).result;
  initial = await model.state().result;
});

beforeEach(() => model.load(initial).result);
afterAll(() => model.dispose());

const images = async (count: number) => nativeImages(await sampleImages('train', count));

/** The reported losses of a training, and the head that it ends with. */
async function outcome(train: NativeDataset, options: TrainingOptions) {
  await model.load(initial).result;
  const valid = await nativeImages(await sampleImages('valid', 9));
  const { events } = await nativeTraining(model, train, valid, { ...options, checkpoints: true });
  const head = lastWeights(model).filter(({ name }) => name.startsWith('classifier'));
  return { epochs: epochsOf(events), head: head.flatMap((tensor) => Array.from(numbers(tensor))) };
}

const WEIGHINGS: Array<[string, TrainingOptions]> = [
  ['nothing else', {}],
  ['class weights', { classWeights: CLASS_WEIGHTS }],
  ['label smoothing', { labelSmoothing: 0.3 }],
  ['class weights and label smoothing', { classWeights: CLASS_WEIGHTS, labelSmoothing: 0.3 }],
];

/** Images in all, in a batch, batches in a step. */
const CUTS: Array<[string, number, number, number, number]> = [
  ['4 + 4 + 2', 10, 4, 3, 10],
  ['4 + 5, the last one of 1 having joined', 9, 4, 2, 9],
  ['5 + 5 and 5 + 5', 20, 5, 2, 10],
  ['4 + 4 and 4 + 2, a step being left over', 14, 4, 2, 8],
];

describe.for(WEIGHINGS)('with %s', ([, weighing]) => {
  test.for(CUTS)('batches of %s are the step of all their images', async ([, count, size, steps, whole]) => {
    const train = await images(count);
    const options = { ...SGD, ...weighing, epochs: 2 };
    const cut = await outcome(train, { ...options, batchSize: size, gradientAccumulationSteps: steps });
    const one = await outcome(train, { ...options, batchSize: whole });
    expect(largestDifference(cut.head, one.head)).toBeLessThanOrEqual(TOLERANCE);
    for (const name of ['trainLoss', 'validLoss', 'trainAccuracy', 'validAccuracy'] as const) {
      const values = (epochs: typeof cut.epochs) => epochs.map((epoch) => epoch[name]);
      expect(largestDifference(values(cut.epochs), values(one.epochs)), name).toBeLessThanOrEqual(TOLERANCE);
    }
  });

  test.for([4, 5, 6, 10])(
    'the losses of an epoch in batches of %d are those of all images',
    async (batchSize) => {
      const train = await images(10);
      const { epochs } = await outcome(train, { ...STILL, ...weighing, batchSize });
      const { labels } = await sampleImages('train', 10);
      const trainLogits = await model.logits(train, { precision: 'fp32', batchSize: 10 }, () => {}).result;
      const expected = lossOf(trainLogits, oneHot(labels), weighing);
      expect(Math.abs((epochs[0]?.trainLoss ?? Number.NaN) - expected)).toBeLessThanOrEqual(TOLERANCE);

      const valid = await sampleImages('valid', 9);
      const data = await nativeImages(valid);
      const validLogits = await model.logits(data, { precision: 'fp32', batchSize: 9 }, () => {}).result;
      const plain = lossOf(validLogits, oneHot(valid.labels), {});
      expect(Math.abs((epochs[0]?.validLoss ?? Number.NaN) - plain)).toBeLessThanOrEqual(TOLERANCE);
    },
  );

  test.for([
    ['mixup', { ...OFF, mixup: 0.4 }],
    ['cutmix', { ...OFF, cutmix: 1 }],
  ] as const)('the loss of %s divides by the weights of its shares', async ([, augmentation]) => {
    // Two images are mixed with each other, whatever the order of the epoch.
    const train = await images(2);
    const { epochs } = await outcome(train, { ...STILL, ...weighing, augmentation });
    const expected = await mixedLoss(train, augmentation, weighing);
    expect(Math.abs((epochs[0]?.trainLoss ?? Number.NaN) - expected)).toBeLessThanOrEqual(TOLERANCE);
  });

  test('an alpha next to nothing changes next to nothing', async () => {
    const train = await images(10);
    const losses: number[] = [];
    for (const [mixup, seed] of [[0, 0], ...[0, 1, 2, 3].map((seed) => [1e-4, seed] as const)] as const) {
      const options = { ...STILL, ...weighing, batchSize: 5, seed, augmentation: { ...OFF, mixup } };
      losses.push((await outcome(train, options)).epochs[0]?.trainLoss ?? Number.NaN);
    }
    expect(
      largestDifference(
        losses,
        losses.map(() => losses[0] as number),
      ),
    ).toBeLessThanOrEqual(1e-3);
  });
});

async function mixedLoss(data: NativeDataset, augmentation: AugmentationOptions, weighing: TrainingOptions) {
  const options = { augmentation, seed: 0, precision: 'fp32' } as const;
  const { images, targets } = await model.augmented(data, options).result;
  const logits = await model.forward(images, { precision: 'fp32' }).result;
  return lossOf(logits, rows(targets), weighing);
}

/** Cross-entropy as its definition has it: one sum over all images and classes, one division. */
function lossOf(
  logits: HostTensor,
  targets: number[][],
  { classWeights, labelSmoothing = 0 }: TrainingOptions,
) {
  let [sum, weights] = [0, 0];
  for (const [image, row] of rows(logits).entries()) {
    const logarithms = logSoftmax(Float32Array.from(row));
    for (const [label, logarithm] of logarithms.entries()) {
      const share = targets[image]?.[label] as number;
      const weight = classWeights?.[label] ?? 1;
      const smoothed = share * (1 - labelSmoothing) + labelSmoothing / row.length;
      sum -= weight * smoothed * logarithm;
      weights += weight * share;
    }
  }
  return sum / weights;
}

function rows(tensor: HostTensor): number[][] {
  const [count = 0, width = 0] = tensor.shape;
  const values = Array.from(numbers(tensor));
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}

function oneHot(labels: BigInt64Array): number[][] {
  return Array.from(labels, (label) =>
    Array.from({ length: 10 }, (_, index) => (index === Number(label) ? 1 : 0)),
  );
}
