// Changes the training images anew in every epoch: by preset, and by an augmentation written out.
// Mixed images have mixed labels, so the training accuracy says little with mixup and cutmix.
//
//     node examples/augmentation.js

import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES = { train: 100, valid: 50 };
const IMAGE_SIZE = 32;
const EPOCHS = 2;

const WAYS = {
  none: 'none',
  light: 'light',
  strong: 'strong',
  'written out': {
    randomResizedCrop: { scale: [0.5, 1] },
    horizontalFlip: 0.5,
    colorJitter: { brightness: 0.2, hue: 0.02 },
    randomErasing: { probability: 0.25 },
    mixup: 0.2,
  },
};

const { train, valid } = await Dataset.cifar10('sample', IMAGES);
for (const [name, augmentation] of Object.entries(WAYS)) {
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: IMAGE_SIZE });
  try {
    model.freeze();
    const cached = [];
    const onCache = ({ part }) => cached.push(part); // features of images that change cannot be cached
    const options = { valid, epochs: EPOCHS, learningRate: 1e-2, augmentation, onCache };
    const { epochs } = await model.fit(train, options).result;
    const { trainLoss, validLoss } = epochs.at(-1);
    const losses = `training loss ${trainLoss.toFixed(3)}, validation loss ${validLoss.toFixed(3)}`;
    console.log(`${name}: ${losses}; features kept of ${cached.join(' and ')}`);
  } finally {
    model.dispose();
  }
}
