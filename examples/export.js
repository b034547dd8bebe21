// Exports a model for other programs: safetensors and .pth for Python, ONNX for onnxruntime. The ONNX model takes
// images as bytes and gives probabilities. onnxruntime-node compares it with the model; without it: { check: false }.
//
//     node examples/export.js

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dataset, DenseNet121 } from 'torch-tl';

const directory = await mkdtemp(join(tmpdir(), 'torch-tl-example-'));
const { train, valid } = await Dataset.cifar10('sample', { train: 200, valid: 50 });
const model = await DenseNet121.create({ head: 'linear', classes: train.classes, imageSize: 32 });
try {
  model.freeze();
  await model.fit(train, { valid, epochs: 3 }).result;
  for (const name of ['model.safetensors', 'model.pth', 'model.onnx']) {
    const { format, bytes, check } = await exported(join(directory, name));
    const checked = check ? `, probabilities within ${check.largestDifference.toExponential(1)}` : '';
    console.log(`${name}: ${format}, ${(bytes / 1e6).toFixed(1)} MB${checked}`);
  }
} finally {
  model.dispose();
  train.dispose();
  valid.dispose();
  await rm(directory, { recursive: true });
}

async function exported(path) {
  try {
    return await model.export(path);
  } catch (error) {
    if (error.code !== 'EXPORT_UNCHECKED') throw error;
    return model.export(path, { check: false });
  }
}
