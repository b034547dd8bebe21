// Saves and loads a model, evaluates it on labelled images and predicts new ones. This program makes the
// images as pixels: stripes and checks, under noise.
//
//     node examples/predict-and-evaluate.js

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dataset, DenseNet121 } from 'torch-tl';

const IMAGES_PER_CLASS = 40;
const IMAGE_SIZE = 32;
const EPOCHS = 20;

const PATTERNS = {
  rows: (_, y) => y % 8 < 4,
  columns: (x) => x % 8 < 4,
  checks: (x, y) => x % 8 < 4 === y % 8 < 4,
};
const CLASSES = Object.keys(PATTERNS);

const train = await dataset(IMAGES_PER_CLASS);
const valid = await dataset(IMAGES_PER_CLASS / 2);
const directory = await mkdtemp(join(tmpdir(), 'torch-tl-example-'));
try {
  const file = join(directory, 'patterns.safetensors');
  await trainAndSave(file);

  const model = await DenseNet121.load(file); // classes and preprocessing are in the file
  try {
    const { accuracy, loss, confusion, perClass } = await model.evaluate(valid);
    console.log(`accuracy ${(100 * accuracy).toFixed(1)} %, loss ${loss.toFixed(3)}`);
    for (const [index, { label, precision, recall }] of perClass.entries()) {
      const rates = `precision ${precision.toFixed(2)}, recall ${recall.toFixed(2)}`;
      console.log(
        `${label.padEnd(7)} ${rates}, taken for ${CLASSES.join('/')}: ${confusion[index].join('/')}`,
      );
    }

    const answers = await model.predict([image('checks'), image('rows')], { topK: 2 });
    for (const { top } of answers) {
      console.log(top.map(({ label, probability }) => `${label} ${probability.toFixed(2)}`).join(', '));
    }
  } finally {
    model.dispose();
  }
} finally {
  await rm(directory, { recursive: true });
}

async function trainAndSave(file) {
  const model = await DenseNet121.create({ head: 'linear', classes: CLASSES, imageSize: IMAGE_SIZE });
  try {
    model.freeze();
    await model.fit(train, { valid, epochs: EPOCHS, learningRate: 1e-2 }).result;
    await model.save(file);
  } finally {
    model.dispose();
  }
}

function dataset(perClass) {
  const labels = CLASSES.flatMap((label) => Array(perClass).fill(label));
  return Dataset.fromImages(labels.map(image), labels, { imageSize: IMAGE_SIZE, classes: CLASSES });
}

/** A grey image, uint8 `[height, width, 1]`. */
function image(label) {
  const data = Uint8Array.from({ length: IMAGE_SIZE * IMAGE_SIZE }, (_, place) => {
    const isLight = PATTERNS[label](place % IMAGE_SIZE, Math.floor(place / IMAGE_SIZE));
    return (isLight ? 120 : 40) + 100 * Math.random();
  });
  return { data, width: IMAGE_SIZE, height: IMAGE_SIZE, channels: 1 };
}
