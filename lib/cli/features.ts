import type { Command } from 'commander';
import type { z } from 'zod';
import type { Dataset } from '../data/dataset.ts';
import type { DenseNet121 } from '../densenet121.ts';
import type { HostTensor } from '../engine/native-computation.ts';
import { dataText, weightsText } from '../experiments/setup-text.ts';
import { requireWritableFile } from '../files/writable.ts';
import { featuresOptions } from '../options/index.ts';
import { addDataArgument, requireData } from './data-argument.ts';
import { decodingCallbacks } from './decoding.ts';
import { addExamples } from './examples.ts';
import { addFlags, readFlags } from './flags.ts';
import { interruptible } from './interrupt.ts';
import { type Progress, passCallback, progressOn } from './progress.ts';
import { addProcesses, inProcesses } from './shared-work.ts';
import { showSkipped } from './skipped.ts';

type Options = Omit<z.output<typeof featuresOptions>, 'data'>;

/** Defines `torch-tl features`. */
export function define(command: Command): void {
  addExamples(command, {
    'features --data sample --out features.safetensors': 'use the embedded images and backbone',
    'features --data flowers --image-size 224 --out features.safetensors': 'use your own images',
  });
  addDataArgument(addProcesses(addFlags(command, featuresOptions)), () => {
    const { data, ...options } = readFlags(command, featuresOptions);
    const images = requireData(command, data);
    return inProcesses(command, () => writeFeatures(images, options));
  });
}

async function writeFeatures(data: string, options: Options): Promise<void> {
  const progress = progressOn(process.stdout);
  try {
    await interruptible((signal) => extract(data, options, progress, signal));
    progress.line(`Written: ${options.out}`);
  } finally {
    progress.end();
  }
}

async function extract(
  data: string,
  options: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { processesOf } = await import('../distributed/join.ts');
  const processes = await processesOf(options, signal);
  // Every process gets all features; rank 0 writes them.
  const writes = processes?.isFirst !== false;
  if (writes) await requireWritableFile(options.out);
  const { listDatasets } = await import('../data/open-datasets.ts');
  const { DenseNet121 } = await import('../densenet121.ts');
  const { deviceHere } = await import('../distributed/device.ts');
  const { writeSafetensors } = await import('../formats/safetensors.ts');
  const { imageSize, device, weights, skipCorrupt } = options;
  const decoding = { imageSize, signal, skipCorrupt, ...decodingCallbacks(progress) };
  const listed = await listDatasets(data, decoding);
  const { classes, resize } = listed;
  const shape = { head: 'linear', classes, imageSize, resize: resize ?? 'cover' } as const;
  const model = await DenseNet121.create({ ...shape, weights, device: deviceHere(device, options) });
  try {
    const { train, valid, validation } = await listed.open();
    try {
      showSkipped(train.skipped);
      const { name, source } = train;
      const counts = { train: train.count, valid: valid.count };
      progress.line(`Data: ${dataText({ name, source, ...counts, validation })}`);
      if (model.weights) progress.line(`Weights: ${weightsText(model.weights)}`);
      const tensors = [
        ...(await featuresOf('train', train, model, { options, progress, signal })),
        ...(await featuresOf('valid', valid, model, { options, progress, signal })),
      ];
      if (!writes) return;
      await writeSafetensors(options.out, tensors, { formatVersion: '1', imageSize: String(imageSize) });
    } finally {
      train.dispose();
      valid.dispose();
    }
  } finally {
    model.dispose();
  }
}

async function featuresOf(
  name: string,
  data: Dataset,
  model: DenseNet121,
  { options, progress, signal }: { options: Options; progress: Progress; signal: AbortSignal },
): Promise<HostTensor[]> {
  const { batchSize, precision, threads, kernels, distributed, joinTimeout, collectiveTimeout } = options;
  const onProgress = passCallback(progress, `${name} features`);
  const features = await model.features(data, {
    ...{ batchSize, precision, threads, kernels },
    ...{ distributed, joinTimeout, collectiveTimeout },
    signal,
    onProgress,
  });
  return [
    { name: `${name}.features`, dtype: 'float32', shape: features.shape, data: bytesOf(features.data) },
    { name: `${name}.labels`, dtype: 'int64', shape: [data.count], data: bytesOf(data.labels) },
  ];
}

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
