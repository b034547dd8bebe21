// Sets learning rates by layer: low where the network sees edges and colours, high in the new head.
//
//     node examples/discriminative-learning-rates.js

import { Dataset, DenseNet121, spreadLearningRates } from 'torch-tl';

const IMAGES = { train: 64, valid: 50 };
const IMAGE_SIZE = 32;
const EPOCHS = 2;

const { train, valid } = await Dataset.cifar10('sample', IMAGES);

// From the stem to the head, each depth's rate the same multiple of the one before.
const spread = spreadLearningRates(1e-5, 1e-2);
for (const [layers, rate] of Object.entries(spread)) console.log(layers.padEnd(12), rate.toPrecision(3));
await tryOut('rising from stem to head', { layerLearningRates: spread });

// Names and patterns; the smaller group wins. Layers that none of them matches train at learningRate.
await tryOut('written out', {
  learningRate: 1e-5,
  layerLearningRates: { 'denseblock?': 1e-4, 'denseblock4.denselayer16': 1e-3, classifier: 1e-2 },
});

async function tryOut(what, rates) {
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
  try {
    const { best } = await model.fit(train, { valid, epochs: EPOCHS, batchSize: 32, ...rates }).result;
    console.log(`${what}: validation loss ${best.validLoss.toFixed(3)} in epoch ${best.epoch}`);
  } finally {
    model.dispose();
  }
}
