// How long `predict` takes for one image in a warm process; prints the seconds of each call as JSON. The image is
// given as pixels of the model's size, so that it is neither decoded nor resized.
import { parseArgs } from 'node:util';
import { DenseNet121 } from '../dist/index.js';

const WARM_UP = 10;

const { values } = parseArgs({
  options: {
    'image-size': { type: 'string', default: '155' },
    calls: { type: 'string', default: '200' },
    precision: { type: 'string', default: 'auto' },
    threads: { type: 'string', default: '1' },
    kernels: { type: 'string', default: 'auto' },
    device: { type: 'string', default: 'cpu' },
  },
});
const side = Number(values['image-size']);
const options = { precision: values.precision, threads: Number(values.threads), kernels: values.kernels };
const image = { data: new Uint8Array(side * side * 3).fill(128), width: side, height: side, channels: 3 };

const model = await DenseNet121.create({
  classes: ['yes', 'no'],
  head: 'linear',
  imageSize: side,
  device: values.device,
});
const seconds = [];
for (let call = -WARM_UP; call < Number(values.calls); call += 1) {
  const started = performance.now();
  await model.predict(image, options);
  if (call >= 0) seconds.push((performance.now() - started) / 1000);
}
model.dispose();
console.log(JSON.stringify({ seconds }));
