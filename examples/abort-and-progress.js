// Reports progress by callbacks, and stops a training after a time limit. It stops within a batch, the event loop
// stays free, and the best epoch so far can still be saved.
//
//     node examples/abort-and-progress.js

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES = { train: 100, valid: 50 };
const IMAGE_SIZE = 32;
const MILLISECONDS = 3_000;

const { train, valid } = await Dataset.cifar10('sample', IMAGES);
const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
const directory = await mkdtemp(join(tmpdir(), 'torch-tl-example-'));
try {
  model.freeze({ through: 'denseblock3' });
  let best;
  try {
    await model.fit(train, {
      valid,
      epochs: 1_000,
      batchSize: 32,
      earlyStoppingPatience: 'off',
      signal: AbortSignal.timeout(MILLISECONDS), // AbortSignal.any joins it with others
      onFeatures: ({ done, total }) => console.log(`features of ${done} of ${total} images`),
      onBatch: ({ epoch, batch, batches, loss }) =>
        console.log(`epoch ${epoch}, batch ${batch}/${batches}, loss ${loss.toFixed(3)}`),
      onBest: (epoch) => {
        best = epoch;
      },
    }).result;
  } catch (error) {
    if (error.name !== 'TimeoutError') throw error;
    console.log('time is up');
  }
  if (best) {
    await model.saveBest(join(directory, 'best.safetensors'));
    console.log(`saved epoch ${best.epoch}, validation accuracy ${(100 * best.validAccuracy).toFixed(1)} %`);
  }
} finally {
  model.dispose();
  await rm(directory, { recursive: true });
}
