// Trains a classifier of your own images, files in one folder per class. Here they are drawn first:
// discs and squares, of any size and colour.
//
//     node examples/own-images.js

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES_PER_CLASS = 60;
const IMAGE_SIZE = 64;
const EPOCHS = 20;

const SHAPES = {
  disc: (size, colour) => `<circle cx="50" cy="50" r="${size}" fill="${colour}"/>`,
  square: (size, colour) =>
    `<rect x="${50 - size}" y="${50 - size}" width="${2 * size}" height="${2 * size}" fill="${colour}"/>`,
};

const directory = await mkdtemp(join(tmpdir(), 'torch-tl-example-'));
try {
  await drawFolder(directory);
  const all = await Dataset.fromFolder(directory, { imageSize: IMAGE_SIZE, resize: 'cover' });
  const [train, valid] = all.split(0.8, { seed: 1 }); // or a separate folder: fromFolder(..., { like: train })
  console.log(`classes ${train.classes.join(', ')}: ${train.count} images train, ${valid.count} validate`);

  const model = await DenseNet121.create({
    head: 'linear',
    classes: train.classes,
    imageSize: IMAGE_SIZE,
    resize: train.resize,
  });
  try {
    model.freeze();
    const { best } = await model.fit(train, { valid, epochs: EPOCHS, learningRate: 1e-2 }).result;
    console.log(`validation accuracy ${(100 * best.validAccuracy).toFixed(1)} % in epoch ${best.epoch}`);

    const image = await draw('disc', 30); // the bytes of a PNG
    const [answer] = await model.predict([image]);
    console.log(`a new disc is a ${answer.label}, with probability ${answer.probability.toFixed(2)}`);
  } finally {
    model.dispose();
  }
} finally {
  await rm(directory, { recursive: true });
}

async function drawFolder(path) {
  for (const shape of Object.keys(SHAPES)) {
    await mkdir(join(path, shape));
    for (let index = 0; index < IMAGES_PER_CLASS; index++) {
      const image = await draw(shape, 15 + (index % 30), 6 * index);
      await sharp(image).toFile(join(path, shape, `${index}.png`));
    }
  }
}

function draw(shape, size, hue = 200) {
  const content = SHAPES[shape](size, `hsl(${hue}, 80%, 60%)`);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="120" height="100" viewBox="-10 0 120 100">${content}</svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}
