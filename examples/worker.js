// Trains in a Worker, which has an engine thread of its own: models of the main thread need not wait for it.
// To keep the event loop free no Worker is needed: a training never blocks it.
//
//     node examples/worker.js

import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Dataset, DenseNet121 } from 'torch-tl';

if (isMainThread) await trainInWorker({ train: 100, valid: 50, imageSize: 32, epochs: 5 });
else await train(workerData);

async function trainInWorker(job) {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  worker.on('message', (line) => console.log(`the worker says: ${line}`));
  await new Promise((resolve, reject) => worker.on('error', reject).on('exit', resolve));
  console.log('the worker has ended');
}

async function train({ imageSize, epochs, ...images }) {
  const { train, valid } = await Dataset.cifar10('sample', images);
  const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize });
  try {
    model.freeze();
    for await (const { epoch, validAccuracy } of model.fit(train, { valid, epochs, learningRate: 1e-2 })) {
      parentPort.postMessage(`epoch ${epoch}, validation accuracy ${(100 * validAccuracy).toFixed(1)} %`);
    }
  } finally {
    model.dispose();
  }
}
