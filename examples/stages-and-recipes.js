// Trains in stages, each with its own frozen layers, optimiser and schedule: by a recipe's name, by
// a list, and by a file, which `torch-tl train --recipe examples/recipe.json` takes too.
//
//     node examples/stages-and-recipes.js

import { fileURLToPath } from 'node:url';
import { Dataset, DenseNet121, readRecipe } from 'torch-tl';

const IMAGES = { train: 64, valid: 50 };
const IMAGE_SIZE = 32;

const { train, valid } = await Dataset.cifar10('sample', IMAGES);

// The head for a quarter of the epochs, then the last block too for a quarter, then all layers.
await tryOut('gradual', { recipe: 'gradual', epochs: 4, learningRate: 1e-2 });

await tryOut('a list', {
  schedule: 'one-cycle', // options that a stage leaves out are the run's
  recipe: [
    { name: 'head', epochs: 2, freeze: 'backbone', learningRate: 1e-2 },
    { name: 'all', epochs: 1, freeze: [], optimizer: 'sgd', learningRate: 1e-3 },
  ],
});

await tryOut('a file', { recipe: readRecipe(fileURLToPath(new URL('recipe.json', import.meta.url))) });

async function tryOut(what, options) {
  console.log(what);
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
  try {
    const run = model.fit(train, {
      valid,
      batchSize: 32,
      ...options,
      onStage: ({ stage, stages, name, trainableParameters }) =>
        console.log(
          `  stage ${stage}/${stages}, ${name}: ${trainableParameters.toLocaleString('en')} parameters train`,
        ),
    });
    for await (const { epoch, validLoss } of run)
      console.log(`    epoch ${epoch}: validation loss ${validLoss.toFixed(3)}`);
  } finally {
    model.dispose();
  }
}
