// The frozen front of the network runs once over the images. Its output is kept for later trainings, in this process
// or another: in the cache directory, or in one that is named; with false it is computed anew in every epoch.
//
//     node examples/feature-cache.js

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES = { train: 100, valid: 50 };
const IMAGE_SIZE = 32;
const EPOCHS = 3;

const { train, valid } = await Dataset.cifar10('sample', IMAGES);
const directory = await mkdtemp(join(tmpdir(), 'torch-tl-example-'));
try {
  await tryOut('the cache directory, the default', { featureCache: true });
  await tryOut('a directory', { featureCache: directory });
  await tryOut('the directory again', { featureCache: directory, learningRate: 1e-2, seed: 1 });
  await tryOut('none', { featureCache: false });
} finally {
  await rm(directory, { recursive: true });
}

async function tryOut(what, options) {
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
  try {
    model.freeze();
    const onCache = ({ part, cut, place, bytes, reused }) =>
      console.log(
        `  ${part} after ${cut}: ${(bytes / 1e6).toFixed(1)} MB in ${place}, ${reused ? 'found' : 'made'}`,
      );
    console.log(what);
    const { seconds } = await model.fit(train, { valid, epochs: EPOCHS, onCache, ...options }).result;
    console.log(
      `  features ${seconds.features.toFixed(1)} s, ${EPOCHS} epochs ${seconds.training.toFixed(1)} s`,
    );
  } finally {
    model.dispose();
  }
}
