// Serves a model over HTTP as a part of a program that has pages of its own: the service is mounted under /colours/ of
// a plain node:http server. Then it asks that server as a client would, and ends.
//
//     node examples/serve.js

import { once } from 'node:events';
import { createServer } from 'node:http';
import sharp from 'sharp';
import { Dataset, DenseNet121, servePredictions } from 'torch-tl';

const COLOURS = { red: [210, 30, 30], green: [30, 180, 60], blue: [30, 60, 220] };
const CLASSES = Object.keys(COLOURS);
const SIDE = 32;

const labels = [1, 2, 3, 4].flatMap(() => CLASSES);
const train = await Dataset.fromImages(labels.map(plain), labels, { imageSize: SIDE, classes: CLASSES });
const model = await DenseNet121.create({ head: 'linear', classes: CLASSES, imageSize: SIDE });
model.freeze();
await model.fit(train, { valid: train, epochs: 20, learningRate: 1e-2 }).result;

// Concurrent requests share batches of up to 8 images.
const service = await servePredictions(model, { maxBatchSize: 8 });
const server = createServer((request, response) => {
  if (!request.url.startsWith('/colours/')) {
    response.writeHead(404).end('There is only /colours/ here.\n');
    return;
  }
  // The service knows nothing of the path that it is mounted under.
  request.url = request.url.slice('/colours'.length);
  service.handler(request, response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${server.address().port}/colours/`;

try {
  const { label, probability } = await post(await png('green'));
  console.log(`an image's bytes: ${label} ${probability.toFixed(2)}`);

  const form = new FormData();
  for (const colour of CLASSES) form.append('image', new Blob([await png(colour)]), `${colour}.png`);
  form.append('image', new Blob(['no image']), 'notes.txt');
  for (const { name, label, error } of (await post(form)).predictions) {
    console.log(`${name}: ${error ? error.message : label}`);
  }
} finally {
  server.close();
  await service.close();
  model.dispose();
  train.dispose();
}

async function post(body) {
  const response = await fetch(`${url}predict?top=2`, { method: 'POST', body });
  return response.json();
}

/** uint8 `[height, width, 3]` of nearly one colour. */
function plain(colour) {
  const data = Uint8Array.from(
    { length: SIDE * SIDE * 3 },
    (_, index) => COLOURS[colour][index % 3] + (index % 23),
  );
  return { data, width: SIDE, height: SIDE, channels: 3 };
}

function png(colour) {
  const { data, width, height, channels } = plain(colour);
  return sharp(data, { raw: { width, height, channels } }).png().toBuffer();
}
