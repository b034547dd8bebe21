// Chooses the layers that train: the head alone, then more and more of the backbone.
// A frozen layer keeps every bit, including the running statistics of its batch normalisation.
//
//     node examples/freeze-and-fine-tune.js

import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES = { train: 64, valid: 50 };
const IMAGE_SIZE = 32;
const EPOCHS = 2;

const { train, valid } = await Dataset.cifar10('sample', IMAGES);
const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
try {
  model.freeze(); // the whole backbone
  await tryOut('the head alone', 1e-2);

  model.unfreeze('denseblock4', 'norm5'); // torchvision's names
  await tryOut('and the last block', 1e-3);

  model.unfreeze();
  model.freeze({ through: 'denseblock3' }); // everything from the stem to there
  await tryOut('and the last transition', 1e-3);

  model.unfreeze();
  model.freeze('*.norm?'); // a pattern: all batch normalisation
  await tryOut('all convolutions, no norms', 1e-4);
} finally {
  model.dispose();
}

async function tryOut(what, learningRate) {
  const { trainableParameters, totalParameters } = await model.describe();
  const { best } = await model.fit(train, { valid, epochs: EPOCHS, batchSize: 32, learningRate }).result;
  const share = `${trainableParameters.toLocaleString('en')} of ${totalParameters.toLocaleString('en')} parameters`;
  console.log(`${what}: ${share}, validation accuracy ${(100 * best.validAccuracy).toFixed(1)} %`);
}
