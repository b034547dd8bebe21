import { describe, expect, test } from 'vitest';
import type { EpochMetrics } from '../../lib/engine/native-training.ts';
import { type FitResult, FitRun } from '../../lib/training/fit.ts';
import { epochMetrics } from '../support/epoch-metrics.ts';

describe('FitRun', () => {
  test('gives every epoch as it ends', async () => {
    const training = controlled();
    const epochs = training.run[Symbol.asyncIterator]();
    const first = epochs.next();
    training.epoch(1);
    expect((await first).value).toEqual(epochMetrics(1));
    training.epoch(2);
    training.epoch(3);
    expect((await epochs.next()).value).toEqual(epochMetrics(2));
    expect((await epochs.next()).value).toEqual(epochMetrics(3));
    training.end();
    expect((await epochs.next()).done).toBe(true);
  });

  test('gives epochs from the first one on, whenever and however often it is iterated', async () => {
    const training = controlled();
    training.epoch(1);
    training.epoch(2);
    training.end();
    await training.run.result;
    expect(await epochsOf(training.run)).toEqual([1, 2]);
    expect(await epochsOf(training.run)).toEqual([1, 2]);
  });

  test('gives the whole epochs before it rejects as the result does', async () => {
    const training = controlled();
    const seen: number[] = [];
    training.epoch(1);
    const iterating = (async () => {
      for await (const { epoch } of training.run) seen.push(epoch);
    })();
    const failure = new Error('the loss is not finite');
    training.fail(failure);
    await expect(iterating).rejects.toBe(failure);
    await expect(training.run.result).rejects.toBe(failure);
    expect(seen).toEqual([1]);
  });

  test('goes on when the loop over it is left', async () => {
    const training = controlled();
    training.epoch(1);
    for await (const _ of training.run) break;
    training.epoch(2);
    training.end();
    expect((await training.run.result).epochs).toEqual([epochMetrics(1), epochMetrics(2)]);
  });
});

/** A run whose epochs and end the test decides. */
function controlled() {
  const epochs: EpochMetrics[] = [];
  let announce: ((epoch: EpochMetrics) => void) | undefined;
  let settle: { resolve(result: FitResult): void; reject(error: Error): void } | undefined;
  const run = new FitRun((onEpoch) => {
    announce = onEpoch;
    return new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
  });
  return {
    run,
    epoch(number: number) {
      epochs.push(epochMetrics(number));
      announce?.(epochMetrics(number));
    },
    end: () => settle?.resolve({ epochs } as FitResult),
    fail: (error: Error) => settle?.reject(error),
  };
}

async function epochsOf(run: FitRun): Promise<number[]> {
  const epochs: number[] = [];
  for await (const { epoch } of run) epochs.push(epoch);
  return epochs;
}
