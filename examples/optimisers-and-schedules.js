// Compares optimisers and learning-rate schedules on the same frozen backbone.
//
//     node examples/optimisers-and-schedules.js

import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES = { train: 100, valid: 50 };
const IMAGE_SIZE = 32;
const EPOCHS = 6;

const WAYS = {
  'Adam, lowered on a plateau (the default)': { plateauPatience: 2 },
  'AdamW, warm-up and cosine': {
    optimizer: 'adamw',
    learningRate: 5e-3,
    weightDecay: 0.05,
    schedule: 'cosine',
    warmupEpochs: 1.5,
  },
  'SGD, one cycle': { optimizer: 'sgd', learningRate: 0.02, schedule: 'one-cycle' },
  'SGD without momentum, by steps': {
    optimizer: 'sgd',
    momentum: 0,
    learningRate: 0.1,
    schedule: 'step',
    stepEpochs: 2,
    stepFactor: 0.5,
  },
};

const { train, valid } = await Dataset.cifar10('sample', IMAGES);
for (const [name, options] of Object.entries(WAYS)) {
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
  try {
    model.freeze();
    const { epochs, best } = await model.fit(train, { valid, epochs: EPOCHS, batchSize: 25, ...options })
      .result;
    const rates = epochs.map(({ lr }) => lr.toPrecision(2)).join('  ');
    console.log(`${name}\n  validation loss ${best.validLoss.toFixed(3)}, learning rates ${rates}`);
  } finally {
    model.dispose();
  }
}
