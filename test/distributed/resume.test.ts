import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCheckpoint } from '../../lib/training/checkpoint.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { type Job, numbersOf, resultOf, runJob, startJob, type Trained } from './jobs.ts';
import type { Rank } from './ranks.ts';

/*
 * Trainings in several processes that are stopped, and resumed by as many or by others. Rank 0 alone has the checkpoint:
 * every process has a directory of its own.
 */

const options = { freeze: 'backbone', batchSize: 8, learningRate: 0.01 };

/** The paths of the checkpoint, by rank; only that of rank 0 is ever there. */
function checkpoints(size: number): string[] {
  return Array.from({ length: size }, () => join(temporaryDirectory(), 'checkpoint.safetensors'));
}

function jobOf(
  epochs: number,
  paths: readonly string[],
  more: object = {},
): { jobOf: (rank: number) => Job } {
  return {
    jobOf: (rank) => ({ options: { ...options, epochs, checkpoint: paths[rank], resume: true, ...more } }),
  };
}

async function trained(
  size: number,
  epochs: number,
  paths: readonly string[],
  more?: object,
): Promise<Trained> {
  const ranks = await startJob(size, {}, jobOf(epochs, paths, more));
  await Promise.all(ranks.map((rank) => rank.ended()));
  const all = ranks.map(resultOf);
  for (const one of all) expect(numbersOf(one)).toEqual(numbersOf(all[0] as Trained));
  return all[0] as Trained;
}

function expectNear(a: readonly number[], b: readonly number[]): void {
  expect(a).toHaveLength(b.length);
  for (const [i, value] of a.entries()) {
    expect(Math.abs(value - (b[i] as number))).toBeLessThan(1e-5 * Math.max(1, value));
  }
}

test('a training of two processes is resumed by one, two and three', async () => {
  const [through] = (await runJob(1, { options: { ...options, epochs: 4 } })) as [Trained];
  const undisturbed = await trained(2, 4, checkpoints(2));
  const paths = checkpoints(3);
  await trained(2, 2, paths);
  expect(paths.map((path) => existsSync(path))).toEqual([true, false, false]);
  for (const size of [1, 2, 3]) {
    const own = checkpoints(size);
    copyFileSync(paths[0] as string, own[0] as string);
    const resumed = await trained(size, 4, own);
    expectNear(numbersOf(resumed), numbersOf(through));
    if (size === 2) expect(numbersOf(resumed)).toEqual(numbersOf(undisturbed));
    expect((await readCheckpoint(own[0] as string))?.computation.processes).toBe(size);
  }
});

test('the generators of every process are in the checkpoint, and go on', async () => {
  const more = { augmentation: 'strong', emaDecay: 0.9 };
  const undisturbed = await trained(2, 3, checkpoints(2), more);
  const paths = checkpoints(2);
  await trained(2, 1, paths, more);
  const stored = await readCheckpoint(paths[0] as string);
  const states = new Map(
    stored?.tensors.map(({ name, data }) => [name, Buffer.from(data).toString('base64')]),
  );
  for (const generator of ['augmentation', 'dropout.cpu']) {
    const [first, second] = [`random.${generator}`, `random.1.${generator}`].map((name) => states.get(name));
    expect([typeof first, typeof second]).toEqual(['string', 'string']);
    expect(second).not.toBe(first);
  }
  expect(numbersOf(await trained(2, 3, paths, more))).toEqual(numbersOf(undisturbed));
});

// The mean of six equal numbers may differ from them in the last bit; of fewer it does not.
test('six processes that are stopped in a validation are resumed to the same bits', async () => {
  const images = { train: 48, valid: 160 };
  const norms = { freeze: [], emaDecay: 0.9, epochs: 2 };
  const start = (checkpoint: string | undefined, onBatch = '') => ({
    jobOf: (rank: number): Job => ({
      images,
      options: { ...norms, ...(checkpoint && rank === 0 ? { checkpoint } : {}), resume: true },
      onBatch: rank === 1 ? onBatch : '',
    }),
  });
  const [undisturbed] = await runJob(6, {}, start(undefined));
  const [checkpoint] = checkpoints(1) as [string];
  const stop = 'if (epoch === 2 && batch === 3) stop.abort(new Error("terminated"));';
  const stopped = await startJob(6, {}, start(checkpoint, stop));
  expect(await Promise.all(stopped.map((rank) => rank.ended()))).toEqual(Array(6).fill(1));
  // Behind the last batch of the epoch, which has not ended.
  const stored = await readCheckpoint(checkpoint);
  expect([stored?.epochs.length, stored?.batch]).toEqual([1, 3]);
  const [resumed] = await runJob(6, {}, start(checkpoint));
  expect(numbersOf(resumed as Trained)).toEqual(numbersOf(undisturbed as Trained));
  expect(resumed?.weights).toBe(undisturbed?.weights);
});

describe('SIGTERM to one of three processes', () => {
  test.for([
    ['rank 2, in an epoch', 2, { featureCache: false }],
    ['rank 0, in accumulated steps', 0, { featureCache: false, gradientAccumulationSteps: 3 }],
    ['rank 1, whose norms train', 1, { freeze: { through: 'denseblock3' }, emaDecay: 0.9 }],
  ] as const)('stops all after the same batch: %s', async ([, asked, more]) => {
    const paths = checkpoints(3);
    const ranks = await startJob(3, {}, jobOf(500, paths, more));
    await (ranks[asked] as Rank).says('epoch 2 batch 2');
    (ranks[asked] as Rank).child.kill('SIGTERM');
    expect(await Promise.all(ranks.map((rank) => rank.ended()))).toEqual([1, 1, 1]);
    for (const [rank, { output }] of ranks.entries()) {
      expect(output()).toContain(rank === asked ? 'ERROR Error: terminated' : 'ERROR PEER_STOPPED');
    }
    const last = ranks.map(({ output }) =>
      output()
        .match(/epoch \d+ batch \d+/g)
        ?.at(-1),
    );
    const stored = await readCheckpoint(paths[0] as string);
    expect(new Set(last)).toEqual(
      new Set([`epoch ${(stored?.epochs.length ?? 0) + 1} batch ${stored?.batch}`]),
    );
    const epochs = (stored?.epochs.length ?? 0) + 1;
    const undisturbed = await trained(3, epochs, checkpoints(3), more);
    expect(numbersOf(await trained(3, epochs, paths, more))).toEqual(numbersOf(undisturbed));
  });
});
