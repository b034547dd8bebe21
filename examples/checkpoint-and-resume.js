// Stops a training and resumes it: every number is the same as if it had never been stopped.
//
//     node examples/checkpoint-and-resume.js

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES = { train: 100, valid: 50 };
const IMAGE_SIZE = 32;
const EPOCHS = 3;

const { train, valid } = await Dataset.cifar10('sample', IMAGES);
const directory = await mkdtemp(join(tmpdir(), 'torch-tl-example-'));
try {
  const checkpoint = join(directory, 'checkpoint.safetensors');
  await stopInSecondEpoch(checkpoint);
  const resumed = await trainWith({ checkpoint, resume: true, onResume: tell }); // for example in a later process
  const whole = await trainWith({});
  const losses = ({ epochs }) => epochs.map(({ trainLoss, validLoss }) => [trainLoss, validLoss]);
  console.log('the same losses to the bit:', isDeepStrictEqual(losses(resumed), losses(whole)));
} finally {
  await rm(directory, { recursive: true });
}

async function stopInSecondEpoch(checkpoint) {
  const controller = new AbortController();
  const onBatch = ({ epoch, batch, batches }) => {
    if (epoch === 2) controller.abort();
    console.log(`epoch ${epoch}, batch ${batch} of ${batches}`);
  };
  try {
    await trainWith({ checkpoint, signal: controller.signal, onBatch });
  } catch (error) {
    if (error !== controller.signal.reason) throw error;
    console.log('stopped, the checkpoint is written');
  }
}

function tell({ epoch, batch }) {
  console.log(`goes on after ${epoch} epochs and ${batch} batches`);
}

/** The layers that train, and all options but epochs, must be the same when a training is resumed. */
async function trainWith(options) {
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
  try {
    model.freeze({ through: 'transition3' });
    return await model.fit(train, { valid, epochs: EPOCHS, batchSize: 32, ...options }).result;
  } finally {
    model.dispose();
  }
}
