// Regularises: keeps a model from overfitting few images, and a training stable.
//
//     node examples/regularisation.js

import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES = { train: 200, valid: 100 };
const IMAGE_SIZE = 32;
const EPOCHS = 40;

const { train, valid } = await Dataset.cifar10('sample', IMAGES);
const model = await DenseNet121.create({
  head: [{ type: 'globalAveragePool' }, { type: 'dropout', rate: 0.3 }, { type: 'dense', units: 'classes' }],
  classes: train.classes,
  imageSize: IMAGE_SIZE,
});
try {
  model.freeze();
  const { best, epochs, stoppedBecause } = await model.fit(train, {
    valid,
    epochs: EPOCHS,
    learningRate: 1e-2,
    labelSmoothing: 0.1, // a tenth of the target is spread evenly over the classes
    classWeights: { cat: 2, dog: 2 }, // or 'balanced': the rarer the class, the higher
    emaDecay: 0.9, // the moving average of the weights is validated and kept
    optimizer: 'adamw',
    weightDecay: 0.05, // spares norms and biases
    clipNorm: 1,
    batchSize: 16,
    gradientAccumulationSteps: 2, // one step for every two batches
    earlyStoppingPatience: 4, // epochs without a lower validation loss
    earlyStoppingMinDelta: 0.001,
  }).result;
  console.log(`ended after ${epochs.length} of ${EPOCHS} epochs because of ${stoppedBecause}`);
  console.log(`best: epoch ${best.epoch}, validation accuracy ${(100 * best.validAccuracy).toFixed(1)} %`);

  const { accuracy } = await model.evaluate(valid); // the best epoch's weights are in the model
  console.log(`the model now: ${(100 * accuracy).toFixed(1)} %`);
} finally {
  model.dispose();
}
