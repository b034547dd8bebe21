import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../lib/training/checkpoint.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Job, startJob } from './jobs.ts';
import type { Rank } from './ranks.ts';

/*
 * Trainings in several processes of which one ends, fails, is stopped or was told something else.
 */

const endless = { freeze: 'backbone', featureCache: false, epochs: 500, batchSize: 8 };

const ends = (ranks: readonly Rank[]) => Promise.all(ranks.map((rank) => rank.ended()));

describe.for([0, 1])('rank %i of two is killed in an epoch', (killed) => {
  test('and the other one says so', async () => {
    const ranks = await startJob(2, { options: endless });
    await Promise.all(ranks.map((rank) => rank.says('epoch 2 batch 1')));
    ranks[killed]?.child.kill('SIGKILL');
    const started = performance.now();
    await ends(ranks);
    console.log(`ended after ${((performance.now() - started) / 1000).toFixed(1)} s`);
    expect(ranks[1 - killed]?.output()).toMatch(new RegExp(`ERROR PEER_LOST: .*rank ${killed}`));
  });
});

test('a rank that fails tells the others why', async () => {
  const failing = "throw new Error('no more of this');";
  const ranks = await startJob(
    3,
    { options: endless },
    {
      jobOf: (rank) => ({ options: endless, ...(rank === 1 && { onBatch: failing }) }),
    },
  );
  expect(await ends(ranks)).toEqual([1, 1, 1]);
  expect(ranks[1]?.output()).toContain('ERROR Error: no more of this');
  for (const rank of [0, 2]) expect(ranks[rank]?.output()).toContain('PEER_STOPPED');
});

test('a loss that is not finite is so for all', async () => {
  const options = { ...endless, optimizer: 'sgd', learningRate: 1e6, freeze: [] };
  const ranks = await startJob(2, { options });
  expect(await ends(ranks)).toEqual([1, 1]);
  for (const rank of ranks) expect(rank.output()).toContain('ERROR LOSS_NOT_FINITE');
});

describe('SIGTERM to one process', () => {
  test('stops all in the feature pass', async () => {
    const job: Job = {
      images: { train: 400, valid: 100 },
      model: { imageSize: 96 },
      options: { freeze: 'backbone' },
    };
    const ranks = await startJob(2, job);
    await ranks[1]?.says('features');
    ranks[1]?.child.kill('SIGTERM');
    expect(await ends(ranks)).toEqual([1, 1]);
    expect(ranks[0]?.output()).toContain('ERROR PEER_STOPPED');
    expect(ranks[0]?.output()).not.toContain('batch');
  });

  test('stops all in validation, with a checkpoint of the epoch before it', async () => {
    const checkpoint = join(temporaryDirectory(), 'checkpoint.safetensors');
    const options = { freeze: 'backbone', featureCache: false, checkpoint };
    const ranks = await startJob(2, { images: { train: 16, valid: 500 }, options });
    await ranks[1]?.says('epoch 1 batch 1');
    ranks[1]?.child.kill('SIGTERM');
    expect(await ends(ranks)).toEqual([1, 1]);
    expect(ranks[0]?.output()).toContain('ERROR PEER_STOPPED');
    const stored = await readCheckpoint(checkpoint);
    expect([stored?.epochs.length, stored?.batch]).toEqual([0, 1]);
  });
});

describe('processes that were told different things', () => {
  const different: Array<[string, Job, string]> = [
    ['options', { options: { batchSize: 4 } }, 'batchSize is 4 on rank 1, and 16 on rank 0'],
    ['images', { images: { train: 30, valid: 10 } }, 'the training images'],
    ['models', { model: { head: 'finetune' } }, 'the shapes of the model'],
    [
      'feature caches',
      { options: { featureCache: false } },
      'featureCache is false on rank 1, and true on rank 0',
    ],
    ['frozen layers', { options: { freeze: 'denseblock1' } }, 'freeze is'],
  ];
  test.for(different)('do not train: %s', async ([, job, message]) => {
    const ranks = await startJob(2, {}, { jobOf: (rank) => (rank === 0 ? {} : job) });
    expect(await ends(ranks)).toEqual([1, 1]);
    for (const rank of ranks) {
      expect(rank.output()).toContain('ERROR RANKS_DISAGREE');
      expect(rank.output()).toContain(message);
    }
  });
});

describe('processes that do different work', () => {
  const evaluate = 'await model.evaluate(valid, { threads: 1 });';
  const different: Array<[string, string, string]> = [
    [
      'evaluate other images',
      "await model.evaluate(rank === 0 ? train : valid, { precision: 'fp32' });",
      'the images',
    ],
    [
      'evaluate other weights',
      `
      const own = await DenseNet121.create({ head: 'linear', imageSize: 32, classes: train.classes, seed: rank });
      await own.evaluate(valid);`,
      'the weights of the model',
    ],
    [
      'evaluate, and train',
      `
      if (rank === 0) ${evaluate}
      else await model.fit(train, { valid, epochs: 1 }).result;`,
      'the work is "a training" on rank 1, and "logits" on rank 0',
    ],
  ];
  test.for(different)('do not mix it: %s', async ([, afterwards, message]) => {
    const ranks = await startJob(2, { options: { freeze: 'backbone', epochs: 1 }, afterwards });
    expect(await ends(ranks)).toEqual([1, 1]);
    for (const rank of ranks) {
      expect(rank.output()).toContain('ERROR RANKS_DISAGREE');
      expect(rank.output()).toContain(message);
    }
  });

  test('predict images of their own', async () => {
    const afterwards = `
      const pixels = { data: new Uint8Array(32 * 32 * 3).fill(40 * rank), width: 32, height: 32, channels: 3 };
      if (rank === 1) say((await model.predict(pixels))[0].label);`;
    const ranks = await startJob(2, { options: { freeze: 'backbone', epochs: 1 }, afterwards });
    expect(await ends(ranks)).toEqual([0, 0]);
  });
});
