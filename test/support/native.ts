import { onTestFinished } from 'vitest';
import { readCifar10Binary } from '../../lib/data/cifar10.ts';
import type { PictureSet } from '../../lib/data/picture-set.ts';
import { headLayers, nativeHead } from '../../lib/head.ts';
import {
  type HostTensor,
  loadEngine,
  type NativeDataset,
  type NativeModel,
  type TrainEvent,
  type TrainOptions,
  type TrainResult,
} from '../../lib/native.ts';
import { packageRoot } from '../../lib/package-root.ts';
import { matchWeights } from '../../lib/weights/match.ts';
import { readSafetensors } from '../../lib/weights/safetensors.ts';

/*
 * The engine as it is, under the public API: what parity with PyTorch and the freeze are shown on.
 */

const EMBEDDED = `${packageRoot}/assets/densenet121-tiny-imagenet.safetensors`;

/** A model with torchvision's preprocessing, disposed of when the running test ends. */
export async function nativeModel(
  head: string,
  { imageSize = 64, classes = 10, seed = 0, pretrained = false } = {},
): Promise<NativeModel> {
  const model = await loadEngine().createModel({
    imageSize,
    head: nativeHead(headLayers(head), classes),
    seed,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    device: 'cpu',
  }).result;
  onTestFinished(() => model.dispose());
  if (pretrained) {
    const { tensors } = await readSafetensors(EMBEDDED);
    const file = { backboneOnly: true, file: EMBEDDED };
    await model.load(matchWeights(model.tensors(), tensors, file)).result;
  }
  return model;
}

/** `count` pictures of the embedded sample from the `first` on, disposed of when the running test ends. */
export async function nativeData(part: 'train' | 'valid', count: number, first = 0): Promise<NativeDataset> {
  const sample = await readCifar10Binary(`${packageRoot}/assets/cifar10-sample`);
  const { pixels, labels, height, width }: PictureSet = sample[part];
  const picture = height * width * 3;
  const data = await loadEngine().createDataset({
    pixels: pixels.slice(first * picture, (first + count) * picture),
    labels: labels.slice(first, first + count),
    height,
    width,
    device: 'cpu',
  }).result;
  onTestFinished(() => data.dispose());
  return data;
}

/** Trains as the fixtures do unless told otherwise: the whole set as one batch, at one learning rate. */
export async function nativeTraining(
  model: NativeModel,
  train: NativeDataset,
  valid: NativeDataset,
  options: Partial<TrainOptions> = {},
): Promise<{ events: TrainEvent[]; result: TrainResult }> {
  const events: TrainEvent[] = [];
  const result = await model.train(
    train,
    valid,
    {
      batchSize: Math.max(2, train.count),
      epochs: 1,
      seed: 0,
      precision: 'fp32',
      featureCache: true,
      learningRate: 1e-3,
      plateau: { factor: 0.1, patience: 1000, minLearningRate: 1e-5 },
      earlyStopping: null,
      ...options,
    },
    (event) => events.push(event),
  ).result;
  return { events, result };
}

/** The epochs among a training's events, without what differs from run to run. */
export function epochsOf(events: TrainEvent[]) {
  return events
    .filter((event) => event.type === 'epoch')
    .map(({ trainLoss, trainAccuracy, validLoss, validAccuracy }) => ({
      trainLoss,
      trainAccuracy,
      validLoss,
      validAccuracy,
    }));
}

/** Every tensor's bytes by name, as text that a test can compare. */
export function bytesOf(tensors: HostTensor[]): Map<string, string> {
  return new Map(tensors.map(({ name, data }) => [name, Buffer.from(data).toString('base64')]));
}
