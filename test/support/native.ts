import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { readCifar10Binary } from '../../lib/data/cifar10/binary.ts';
import type { ImageSet } from '../../lib/data/image-set.ts';
import { loadEngine } from '../../lib/engine/engine.ts';
import type { NativeDataset, NativeModel } from '../../lib/engine/native.ts';
import type { HostTensor } from '../../lib/engine/native-computation.ts';
import type {
  EpochMetrics,
  StageOptions,
  TrainEvent,
  TrainOptions,
  TrainResult,
} from '../../lib/engine/native-training.ts';
import { readSafetensors } from '../../lib/formats/safetensors.ts';
import type { StoredTensor } from '../../lib/formats/stored-tensor.ts';
import { headLayers, nativeHead } from '../../lib/options/head.ts';
import { packageRoot } from '../../lib/support/package-root.ts';
import { featureCacheOptions } from '../../lib/training/engine-options.ts';
import { matchWeights } from '../../lib/weights/match.ts';

/*
 * The engine as it is, under the public API: what parity with PyTorch and the freeze are shown on.
 */

/** What a test of a GPU needs, and why it is skipped where there is none. */
export const hasGpu = loadEngine().info().cuda.devices.length > 0;

const EMBEDDED = `${packageRoot}/test/fixtures/densenet121-tiny-imagenet.safetensors`;

/** A model with torchvision's preprocessing. */
export function createNativeModel(
  head: string,
  { imageSize = 64, classes = 10, seed = 0, device = 'cpu' } = {},
): Promise<NativeModel> {
  return loadEngine().createModel({
    imageSize,
    head: nativeHead(headLayers(head), classes),
    seed,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    device,
  }).result;
}

/** The same, disposed of when the running test ends. */
export async function nativeModel(
  head: string,
  {
    pretrained = false,
    ...options
  }: { imageSize?: number; classes?: number; seed?: number; device?: string; pretrained?: boolean } = {},
): Promise<NativeModel> {
  const model = await createNativeModel(head, options);
  onTestFinished(() => model.dispose());
  if (pretrained) await model.load(await pretrainedBackbone(model)).result;
  return model;
}

/** The embedded weights, which are the same for every model and read once. */
let backbone: Promise<HostTensor[]> | undefined;

function pretrainedBackbone(model: NativeModel): Promise<HostTensor[]> {
  backbone ??= readSafetensors(EMBEDDED).then(({ tensors }) =>
    matchWeights(model.tensors(), tensors, { backboneOnly: true, file: EMBEDDED }),
  );
  return backbone;
}

let sample: ReturnType<typeof readCifar10Binary> | undefined;

/** `count` images of the embedded sample from the `first` on. */
export async function sampleImages(part: 'train' | 'valid', count: number, first = 0): Promise<ImageSet> {
  sample ??= readCifar10Binary(`${packageRoot}/assets/cifar10-sample`);
  const { pixels, labels, height, width }: ImageSet = (await sample)[part];
  const image = height * width * 3;
  return {
    pixels: pixels.slice(first * image, (first + count) * image),
    labels: labels.slice(first, first + count),
    count,
    height,
    width,
  };
}

/** Images in the engine, disposed of when the running test ends. */
export async function nativeImages(
  { count: _, ...images }: ImageSet,
  device = 'cpu',
): Promise<NativeDataset> {
  const data = await loadEngine().createDataset({ ...images, device }).result;
  onTestFinished(() => data.dispose());
  return data;
}

/** The same of the embedded sample. */
export async function nativeData(
  part: 'train' | 'valid',
  count: number,
  first = 0,
  device = 'cpu',
): Promise<NativeDataset> {
  return nativeImages(await sampleImages(part, count, first), device);
}

/** A training of one stage: what of it a test sets, of the stage or of the whole. */
export type TrainingOptions = Partial<TrainOptions> & Partial<StageOptions>;

/** Adam at one learning rate, without anything that nobody asked for. */
export const PLAIN_STAGE: StageOptions = {
  epochs: 1,
  trainable: null,
  optimizer: {
    type: 'adam',
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 0,
    decayNormsAndBiases: false,
  },
  learningRate: 1e-3,
  layerLearningRates: [],
  schedule: {
    type: 'constant',
    warmupEpochs: 0,
    minLearningRate: 0,
    stepEpochs: 1,
    stepFactor: 0.1,
    plateauFactor: 0.1,
    plateauPatience: 5,
  },
  earlyStopping: null,
  featureKeys: null,
};

/** The engine's options for a training as the fixtures have it: the whole set as one batch. */
export function trainOptions(train: NativeDataset, given: TrainingOptions = {}): TrainOptions {
  const stage = Object.fromEntries(
    Object.entries(PLAIN_STAGE).map(([name, value]) => [name, given[name as keyof StageOptions] ?? value]),
  ) as unknown as StageOptions;
  const options: TrainOptions = {
    batchSize: Math.max(2, train.count),
    seed: 0,
    precision: 'fp32',
    featureCache: featureCacheOptions(true, undefined),
    stages: [stage],
    labelSmoothing: 0,
    classWeights: null,
    clipNorm: null,
    gradientAccumulationSteps: 1,
    emaDecay: null,
    monitor: null,
    augmentation: null,
    checkpoints: false,
    checkpointSeconds: null,
    ...(given.threads !== undefined && { threads: given.threads }),
  };
  const whole = Object.entries(given).filter(([name]) => Object.hasOwn(options, name));
  return { ...options, ...Object.fromEntries(whole) };
}

/** Trains, by default as the fixtures do; `checkpoint` is where to go on from. */
export async function nativeTraining(
  model: NativeModel,
  train: NativeDataset,
  valid: NativeDataset,
  options: TrainingOptions = {},
  checkpoint: HostTensor[] = [],
): Promise<{ events: TrainEvent[]; result: TrainResult }> {
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => events.push(event);
  const result = await model.train(train, valid, trainOptions(train, options), onEvent, checkpoint).result;
  return { events, result };
}

/** All tensors of the newest checkpoint; none where there is none. */
export function newestCheckpoint(model: NativeModel): HostTensor[] {
  const checkpoint = model.checkpoint();
  return checkpoint?.tensors(0, checkpoint.count) ?? [];
}

/** The tensors of the newest checkpoint whose names begin with `prefix`, named by the rest. */
export function checkpointTensors(model: NativeModel, prefix: string): HostTensor[] {
  return newestCheckpoint(model)
    .filter(({ name }) => name.startsWith(prefix))
    .map((tensor) => ({ ...tensor, name: tensor.name.slice(prefix.length) }));
}

/** The weights after the last step of a training that kept checkpoints; the model holds its best ones. */
export function lastWeights(model: NativeModel): HostTensor[] {
  return checkpointTensors(model, 'model.');
}

export function epochEvents(events: TrainEvent[]) {
  // These trainings have validation images.
  return events.filter((event) => event.type === 'epoch') as EpochMetrics<number>[];
}

/** The epochs among a training's events, without what differs from run to run. */
export function epochsOf(events: TrainEvent[]) {
  return epochEvents(events).map(({ trainLoss, trainAccuracy, validLoss, validAccuracy }) => ({
    trainLoss,
    trainAccuracy,
    validLoss,
    validAccuracy,
  }));
}

/** A hash of every tensor's bytes by name, as text that a test can compare. */
export function bytesOf(tensors: readonly StoredTensor[]): Map<string, string> {
  return new Map(tensors.map(({ name, data }) => [name, createHash('sha1').update(data).digest('hex')]));
}
