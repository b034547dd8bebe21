// Shows where a model looks: it learns to tell rows from columns, then gets an image with rows on the left
// and columns on the right. The heat of each class is on its own side.
//
//     node examples/grad-cam.js

import { Dataset, DenseNet121 } from 'torch-tl';

const CLASSES = ['rows', 'columns'];
const SIDE = 128;
const PERIODS = [4, 6, 8, 10, 12, 14];
const SHADES = ' .:-=+*#%@';

const labels = PERIODS.flatMap(() => CLASSES);
const images = PERIODS.flatMap((period) => CLASSES.map((label) => stripes(() => label, period)));
const train = await Dataset.fromImages(images, labels, { imageSize: SIDE, classes: CLASSES });
const model = await DenseNet121.create({ head: 'linear', classes: CLASSES, imageSize: SIDE });
try {
  model.freeze();
  await model.fit(train, { valid: train, epochs: 20, learningRate: 1e-2 }).result;

  const half = stripes((x) => (x < SIDE / 2 ? 'rows' : 'columns'), 8);
  // By default the map is for the likeliest class, here for each in turn.
  const activations = await model.gradCam([half, half], { classes: CLASSES });
  for (const { label, probability, width, height, map } of activations) {
    console.log(`${label} ${probability.toFixed(2)}`);
    for (let y = 0; y < height; y++) {
      const row = [...map.subarray(y * width, (y + 1) * width)];
      console.log(
        `  |${row.map((heat) => SHADES[Math.round(heat * (SHADES.length - 1))].repeat(2)).join('')}|`,
      );
    }
  }
} finally {
  model.dispose();
  train.dispose();
}

/** uint8 `[height, width, 1]`: stripes, in the direction that each column of pixels asks for. */
function stripes(direction, period) {
  const data = Uint8Array.from({ length: SIDE * SIDE }, (_, place) => {
    const [x, y] = [place % SIDE, Math.floor(place / SIDE)];
    return (direction(x) === 'rows' ? y : x) % period < period / 2 ? 200 : 50;
  });
  return { data, width: SIDE, height: SIDE, channels: 1 };
}
