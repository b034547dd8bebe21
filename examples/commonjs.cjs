// Uses torch-tl from CommonJS: `require` loads the ES module, on Node 20.19, 22.12 and later.
//
//     node examples/commonjs.cjs

const { Dataset, DenseNet121 } = require('torch-tl');

const IMAGES = { train: 100, valid: 50 };
const IMAGE_SIZE = 32;
const EPOCHS = 5;

async function main() {
  const { train, valid } = await Dataset.cifar10('sample', IMAGES);
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
  try {
    model.freeze();
    const { best } = await model.fit(train, { valid, epochs: EPOCHS, learningRate: 1e-2 }).result;
    console.log(`epoch ${best.epoch}, validation accuracy ${(100 * best.validAccuracy).toFixed(1)} %`);
  } finally {
    model.dispose();
  }
}

main();
