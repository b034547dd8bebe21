// Who is compared, and how each is measured, in a process of its own. A measurement has `imagesPerSecond`, `precision`,
// `library` (the one that computed, and its version) and `peakMemory`, the most that the process had, in bytes.
//
// The settings of a measurement are { imageSize, batchSize, images, precision, threads, data }. `images` is how many
// are measured, a multiple of the batch size; `data` is what torch-tl reads, by default the embedded sample, which the
// others always read.
import { join } from 'node:path';
import { pytorch, TUNED_MALLOC, torchTl, torchTlRun } from './measure.js';

export const NAMES = {
  ours: 'torch-tl',
  libtorch: 'torch-tl --kernels libtorch',
  naive: 'PyTorch, naive',
  tuned: 'PyTorch, tuned',
  compiled: 'torch.compile, freezing',
  onnx: 'ONNX Runtime',
};

const SAMPLE = 'assets/cifar10-sample';
const WEIGHTS = 'assets/densenet121-tiny-imagenet-distilled.safetensors';
/** One image a class. */
const FEW = 10;

/**
 * How many images keep two cores busy for some seconds: of the embedded sample's, and two batches at least.
 *
 * @param products how often the network's products are computed for an image
 */
export function enoughImages({ imageSize, batchSize }, products) {
  const images = (512 * (155 / imageSize) ** 2) / products;
  return batchSize * Math.max(2, Math.round(Math.min(2048, images) / batchSize));
}

/** Images through the frozen backbone. */
export const frozen = {
  ours: (settings) => ourFrozen(settings),
  libtorch: (settings) => ourFrozen(settings, '--kernels', 'libtorch'),
  naive: (settings) => theirFrozen({ variant: 'naive', ...settings }, {}),
  tuned: (settings) => theirFrozen({ variant: 'tuned', ...settings }, TUNED_MALLOC),
  compiled: (settings) => theirFrozen({ variant: 'compiled', ...settings }, TUNED_MALLOC),
  onnx: onnxRuntime,
};

/** Training `base`. */
export const training = {
  ours: (settings) => ourTraining(settings),
  libtorch: (settings) => ourTraining(settings, '--kernels', 'libtorch'),
  naive: (settings) => theirTraining(settings, {}, '--naive'),
  tuned: (settings) => theirTraining(settings, TUNED_MALLOC),
};

/**
 * `finetune` from beginning to end, with its own size and number of images, of each set no more than `limit`. The
 * measurement has the `seconds` of all of it, the best `accuracy` and the number of `epochs` too; `imagesPerSecond` is
 * the frozen backbone's.
 */
export const finetune = {
  ours: (settings) => ourFinetune(settings),
  libtorch: (settings) => ourFinetune(settings, '--kernels', 'libtorch'),
  tuned: theirFinetune,
};

/** With a head of one layer, so that time and memory are the backbone's. */
function ourFrozen(settings, ...flags) {
  const work = ['base', '--init', 'pretrained', '--freeze', 'backbone', '--epochs', 1, ...flags];
  return torchTlRun([...work, ...ourOptions(settings)], measuredFrozen);
}

/** Of the second epoch, which has no first step's costs in it, as PyTorch's median step has none. */
function ourTraining(settings, ...flags) {
  return torchTlRun(['base', '--epochs', 2, ...flags, ...ourOptions(settings)], (results) => ({
    ...measuredFrozen(results),
    imagesPerSecond: results.dataset.train / results.epochs[1].seconds,
  }));
}

function ourFinetune({ precision, threads, limit }, ...flags) {
  const options = flagsOf({
    data: 'sample',
    device: 'cpu',
    precision,
    threads,
    limitTrain: limit,
    limitValid: limit,
  });
  return torchTlRun(['finetune', ...flags, ...options], (results) => ({
    ...measuredFrozen(results),
    seconds: results.seconds.total,
    accuracy: results.best.validAccuracy,
    epochs: results.epochs.length,
  }));
}

export function ourOptions({ images, ...settings }) {
  return flagsOf({ data: 'sample', device: 'cpu', limitTrain: images, limitValid: FEW, ...settings });
}

/** What a run says of its way through the frozen backbone. */
export function measuredFrozen({ dataset, seconds, precision, libtorch, peakMemory }) {
  const imagesPerSecond = (dataset.train + dataset.valid) / seconds.features;
  return { imagesPerSecond, precision, library: `LibTorch ${libtorch}`, peakMemory };
}

function theirFrozen(settings, malloc) {
  return measured(pytorch('features.py', flagsOf({ ...settings, data: SAMPLE, weights: WEIGHTS }), malloc));
}

function theirTraining({ images, ...settings }, malloc, ...flags) {
  const options = flagsOf({ ...settings, data: SAMPLE, steps: images / settings.batchSize });
  return measured(pytorch('train.py', [...options, ...flags], malloc));
}

function theirFinetune({ precision, threads, limit }) {
  const options = { precision, threads, limit, data: SAMPLE, weights: WEIGHTS };
  const result = pytorch('finetune.py', flagsOf(options), TUNED_MALLOC);
  const { total_seconds: seconds, best_accuracy: accuracy, epochs } = result;
  return { ...measured(result), seconds, accuracy, epochs };
}

/** A model of ours, exported; the measurement has the seconds of each batch too. */
export function onnxRuntime({ imageSize, batchSize, images, threads }) {
  const smallest = ['base', '--epochs', 1, ...ourOptions({ imageSize, images: FEW })];
  return torchTlRun(smallest, (_results, directory) => {
    const model = join(directory, 'model.onnx');
    torchTl(['export', '--weights', join(directory, 'best.safetensors'), '--no-check', '--out', model]);
    const options = { model, data: SAMPLE, imageSize, batchSize, images, threads };
    const result = pytorch('onnx_runtime.py', flagsOf(options));
    return { ...measured(result), batchSeconds: result.batch_seconds };
  });
}

function measured({ images_per_second, precision, library, peak_memory }) {
  return { imagesPerSecond: images_per_second, precision, library, peakMemory: peak_memory };
}

/** `{ imageSize: 64 }` as `--image-size 64`; what is undefined is left out. */
export function flagsOf(options) {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.flatMap(([name, value]) => [
    `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    value,
  ]);
}
