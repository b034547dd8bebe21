import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Dataset } from '../../lib/data/dataset.ts';
import type { DenseNet121 } from '../../lib/densenet121.ts';
import { sha256 } from '../../lib/support/hash.ts';
import type { FitOptions } from '../../lib/training/fit.ts';
import { type DrawnTraining, drawnTraining } from '../support/drawn-options.ts';
import { pretrainedModel, smallData, smallModel } from '../support/small-data.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * Trainings whose options are drawn, since faults lie where options meet. Whatever the options are, a training comes to
 * the same, to the bit: with and without kept features, and when it is stopped and resumed. `TORCH_TL_DRAWN=500` draws
 * so many, `TORCH_TL_DRAWN_FIRST=100` begins with that seed.
 */

const COUNT = Number(process.env.TORCH_TL_DRAWN ?? 3);
const FIRST = Number(process.env.TORCH_TL_DRAWN_FIRST ?? 0);

interface Images {
  train: Dataset;
  valid: Dataset;
}

test.for(Array.from({ length: COUNT }, (_, index) => FIRST + index))(
  'drawn with seed %i, a training comes to the same by every way',
  { timeout: 300_000 },
  async (seed) => {
    const drawn = drawnTraining(seed);
    const images = await smallData(drawn.images.train, drawn.images.valid);
    const once = await outcome(drawn, images);
    expect(once.epochs.length, text(drawn)).toBeGreaterThan(0);
    const directory = temporaryDirectory();
    expect(await outcome(drawn, images, { featureCache: directory }), text(drawn)).toEqual(once);
    expect(await outcome(drawn, images, { featureCache: directory }), text(drawn)).toEqual(once);
    expect((await outcomeOfResumed(drawn, images, seed)) ?? once, text(drawn)).toEqual(once);
  },
);

/** What a failed comparison says of its training. */
const text = (drawn: DrawnTraining) => JSON.stringify(drawn);

async function newModel({ model: { weights, ...options } }: DrawnTraining): Promise<DenseNet121> {
  return weights === null ? smallModel(options) : pretrainedModel(options);
}

/** Every epoch, and the weights, to the bit. */
async function outcome(drawn: DrawnTraining, { train, valid }: Images, more: Partial<FitOptions> = {}) {
  const model = await newModel(drawn);
  try {
    const result = await model.fit(train, { valid, ...drawn.options, ...more }).result;
    const file = join(temporaryDirectory(), 'model.safetensors');
    await model.save(file);
    const weights = await sha256([await readFile(file)]);
    rmSync(file);
    // Times differ.
    const epochs = result.epochs.map(({ seconds: _, ...epoch }) => epoch);
    return { epochs, best: result.best.epoch, stoppedBecause: result.stoppedBecause, weights };
  } finally {
    model.dispose();
  }
}

/** The same of a training that was stopped at a batch, and resumed with kept features; null if it ended too soon. */
async function outcomeOfResumed(drawn: DrawnTraining, { train, valid }: Images, seed: number) {
  const directory = temporaryDirectory();
  const files = { checkpoint: join(directory, 'checkpoint'), featureCache: directory };
  const stop = new AbortController();
  const model = await newModel(drawn);
  let heard = 0;
  // The later the batch, the likelier the training has ended before it is heard of.
  const onBatch = () => {
    heard += 1;
    if (heard > seed % 4) stop.abort(new Error('stopped'));
  };
  const options = { valid, ...drawn.options, ...files };
  const error = await model.fit(train, { ...options, onBatch, signal: stop.signal }).result.then(
    () => null,
    (reason: Error) => reason,
  );
  if (error === null) return null;
  expect(error).toMatchObject({ message: 'stopped' });
  return outcome(drawn, { train, valid }, { ...files, resume: true });
}
