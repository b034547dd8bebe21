import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtMinors } from '../../lib/addon/engines.ts';
import { loadEngine } from '../../lib/engine/engine.ts';
import { locateLibTorch } from '../../lib/libtorch/locate.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { hasGpu } from '../support/native.ts';
import { lastingDirectory, temporaryDirectory } from '../support/temporary-directory.ts';
import { type Job, numbersOf, resultOf, runJob, startJob, type Trained } from './jobs.ts';

/*
 * Trainings in one and in several processes: what an option means does not depend on their number.
 */

/** Largest relative difference between two lists of losses and accuracies. */
function difference(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return Math.max(
    ...a.map((value, i) => Math.abs(value - (b[i] as number)) / Math.max(Math.abs(value), 1e-3)),
  );
}

/** Runs a job in several processes, which must agree to the bit; gives what they all say. */
async function agreed(size: number, job: Job): Promise<Trained> {
  const ranks = await runJob(size, job);
  const [first] = ranks as [Trained];
  const timeless = (one: Trained) => ({
    ...one,
    epochs: one.epochs.map((epoch) => ({ ...epoch, seconds: 0 })),
  });
  for (const rank of ranks) expect(timeless(rank)).toEqual(timeless(first));
  return first;
}

/** Convolutions train and no norm does, so that a batch's statistics do not enter. */
const convolutions = { optimizer: 'sgd', learningRate: 0.001, freeze: '*norm*' };
/** The head alone trains, over cached features that the processes compute together. */
const head = { freeze: 'backbone', epochs: 4 };

const JOBS: Array<[string, readonly number[], Job]> = [
  [
    'convolutions and an uneven last batch',
    [2, 3],
    { images: { train: 34, valid: 11 }, options: convolutions },
  ],
  [
    'convolutions and a last batch of one image',
    [3],
    { images: { train: 33, valid: 7 }, options: { ...convolutions, epochs: 1 } },
  ],
  [
    'fewer images than processes could share',
    [4],
    { images: { train: 20, valid: 10 }, options: { ...head, batchSize: 6 } },
  ],
  [
    'class weights and label smoothing',
    [2],
    { options: { ...head, classWeights: { cat: 5, dog: 0.2 }, labelSmoothing: 0.1 } },
  ],
  [
    'accumulated steps, clipped',
    [3],
    {
      options: {
        ...head,
        gradientAccumulationSteps: 3,
        clipNorm: 0.01,
        batchSize: 5,
        classWeights: { cat: 3 },
      },
    },
  ],
  [
    'a moving average, a falling rate and early stopping',
    [2],
    {
      options: {
        ...head,
        ...{ emaDecay: 0.8, schedule: 'plateau', plateauPatience: 1, earlyStoppingPatience: 2 },
        ...{ epochs: 30, learningRate: 0.05 },
      },
    },
  ],
  [
    'two stages',
    [2],
    {
      options: {
        recipe: [
          { epochs: 2, freeze: 'backbone' },
          { epochs: 1, ...convolutions },
        ],
      },
    },
  ],
  [
    'a monitored figure',
    [2],
    {
      options: { ...head, monitor: 'macro-f1', learningRate: 0.05, schedule: 'plateau', plateauPatience: 1 },
    },
  ],
  [
    'nothing validated',
    [2],
    {
      options: {
        ...{ ...head, epochs: 2, valid: null },
        checkpoint: join(lastingDirectory(), 'training'),
      },
    },
  ],
  ['frozen layers that run in every epoch', [2], { options: { ...head, epochs: 2, featureCache: false } }],
];

describe.for(JOBS)('with %s', ([, sizes, job]) => {
  test('several processes come to the losses of one', async () => {
    const [one] = (await runJob(1, job)) as [Trained];
    for (const size of sizes) {
      const all = await agreed(size, job);
      expect(difference(numbersOf(all), numbersOf(one))).toBeLessThan(1e-5);
      expect([all.best, all.stoppedBecause]).toEqual([one.best, one.stoppedBecause]);
    }
  });
});

test('norms that train see the images of their process, and come near the losses of one', async () => {
  const job: Job = {
    images: { train: 64, valid: 20 },
    model: { imageSize: 64 },
    options: { batchSize: 32, learningRate: 1e-5, epochs: 1 },
    // The saved model has the statistics that the last validation saw.
    afterwards: `
      const evaluated = await model.evaluate(valid, { precision: 'fp32', threads: 1 });
      if (Math.abs(evaluated.loss - epochs[0].validLoss) > 1e-5) throw new Error('evaluated to ' + evaluated.loss);`,
  };
  const [one] = (await runJob(1, job)) as [Trained];
  const two = await agreed(2, job);
  const losses = ({ epochs }: Trained) =>
    epochs.flatMap(({ trainLoss, validLoss }) => [trainLoss, validLoss]);
  const apart = difference(losses(two), losses(one));
  expect(apart).toBeGreaterThan(0);
  // Smaller with larger images and batches: docs/distributed.md has a measurement.
  expect(apart).toBeLessThan(0.02);
});

test('processes that get no images of any batch change nothing', async () => {
  // Batches of four images are shared by two processes; the others' running statistics must not count.
  const job: Job = {
    images: { train: 16, valid: 8 },
    options: { batchSize: 4, emaDecay: 0.5, gradientAccumulationSteps: 2 },
  };
  const [two, four] = [await agreed(2, job), await agreed(4, job)];
  expect(four.weights).toBe(two.weights);
  expect(numbersOf(four)).toEqual(numbersOf(two));
});

test.skipIf(!hasGpu)('on a GPU, steps that are recorded sum the gradients of all processes', async () => {
  const job: Job = {
    images: { train: 160, valid: 20 },
    model: { device: 'cuda' },
    options: convolutions,
  };
  const recorded = await agreed(2, job);
  const launched = (await runJob(2, job, { env: { TORCH_TL_CUDA_GRAPHS: 'off' } })) as [Trained, Trained];
  expect(difference(numbersOf(recorded), numbersOf(launched[0]))).toBeLessThan(1e-5);
  const [one] = (await runJob(1, job)) as [Trained];
  expect(difference(numbersOf(recorded), numbersOf(one))).toBeLessThan(1e-4);
});

test('two runs of as many processes, with dropout and augmentation, are equal to the bit', async () => {
  const job: Job = {
    model: { head: 'finetune' },
    options: { freeze: 'backbone', augmentation: 'strong', emaDecay: 0.9 },
  };
  const [first, second] = [await agreed(2, job), await agreed(2, job)];
  expect(second.weights).toBe(first.weights);
  expect(numbersOf(second)).toEqual(numbersOf(first));
});

test('features, logits and evaluation are those of one process to the bit', async () => {
  const job: Job = {
    options: { ...head, epochs: 1, batchSize: 50 },
    afterwards: `
      const hash = ({ data }) => createHash('sha256').update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).digest('hex');
      const pass = { batchSize: 8, threads: 1, precision: 'fp32', distributed: 'auto' };
      const same = await DenseNet121.create({ head: 'linear', imageSize: 32, classes: train.classes });
      const few = await Dataset.cifar10('sample', { train: 3, valid: 1 });
      for (const data of [train, valid, few.train, few.valid]) {
        say([hash(await same.features(data, pass)), hash(await same.logits(data, pass)), (await same.evaluate(data, pass)).accuracy]);
      }`,
  };
  const [one] = (await runJob(1, job)) as [Trained];
  for (const size of [2, 3]) expect((await agreed(size, job)).said).toEqual(one.said);
});

test('kept features are the files of one process to the byte', async () => {
  const [own, shared] = [temporaryDirectory(), temporaryDirectory()];
  const [one] = (await runJob(1, { options: { ...head, featureCache: own } })) as [Trained];
  const made = await agreed(2, { options: { ...head, featureCache: shared } });
  const found = await agreed(3, { options: { ...head, featureCache: own } });
  for (const all of [made, found]) expect(difference(numbersOf(all), numbersOf(one))).toBeLessThan(1e-5);
  const names = readdirSync(own);
  // Kernels whose results depend on the batch have a file for each set.
  expect(names).toHaveLength(loadEngine().info().cpu.kernels.length > 0 ? 1 : 2);
  expect(readdirSync(shared)).toEqual(names);
  for (const name of names) {
    expect(readFileSync(join(shared, name)).equals(readFileSync(join(own, name))), name).toBe(true);
  }
});

test('features that one process keeps by default are found by several', async () => {
  const { root } = locateLibTorch(builtMinors(packageRoot));
  const env = {
    TORCH_TL_CACHE: temporaryDirectory(),
    TORCH_TL_CACHE_LIMIT: '1GB',
    TORCH_TL_LIBTORCH: root,
  };
  const job: Job = { options: head };
  const [one] = (await runJob(1, job, { env })) as [Trained];
  const ranks = await startJob(2, job, { env });
  await Promise.all(ranks.map((rank) => rank.ended()));
  for (const rank of ranks) {
    expect(rank.output()).not.toContain('features');
    expect(difference(numbersOf(resultOf(rank)), numbersOf(one))).toBeLessThan(1e-5);
  }
});

test('processes without a common directory send each other their features', async () => {
  const directories = [temporaryDirectory(), temporaryDirectory(), temporaryDirectory()];
  const job: Job = { options: head };
  const [one] = (await runJob(1, job)) as [Trained];
  const ranks = await startJob(3, job, { envOf: (rank) => ({ TMPDIR: directories[rank] as string }) });
  await Promise.all(ranks.map((rank) => rank.ended()));
  for (const rank of ranks) expect(difference(numbersOf(resultOf(rank)), numbersOf(one))).toBeLessThan(1e-5);
});
