// Searches for a learning rate: takes one step at each of many rising rates, and watches the loss. The model
// is afterwards as it was. `torch-tl lr-find` plots the same.
//
//     node examples/learning-rate-search.js

import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES = { train: 200, valid: 100 };
const IMAGE_SIZE = 32;
const EPOCHS = 5;

const { train, valid } = await Dataset.cifar10('sample', IMAGES);
const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
try {
  model.freeze();
  const batchSize = 32;
  const { points, suggestion } = await model.findLearningRate(train, { batchSize, start: 1e-5, steps: 60 });
  for (const { learningRate, smoothedLoss } of points.filter((_, index) => index % 8 === 0)) {
    console.log(`${learningRate.toExponential(1)}  ${smoothedLoss.toFixed(3)}`);
  }
  console.log(`suggested: ${suggestion?.toExponential(1) ?? 'none, the loss never fell'}`);

  const learningRate = suggestion ?? 1e-3;
  const { best } = await model.fit(train, { valid, epochs: EPOCHS, batchSize, learningRate }).result;
  console.log(`with it: validation accuracy ${(100 * best.validAccuracy).toFixed(1)} %`);
} finally {
  model.dispose();
}
