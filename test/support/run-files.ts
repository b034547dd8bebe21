import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nothingLeftOut } from '../../lib/data/left-out.ts';
import type { EpochMetrics } from '../../lib/engine/native-training.ts';
import type { RunSetup } from '../../lib/experiments/results.ts';
import type { Mistake, ValidationReport } from '../../lib/experiments/validation.ts';
import { evaluation } from '../../lib/model/evaluate.ts';
import { experimentOptions } from '../../lib/options/index.ts';
import { withBest } from '../../lib/training/recorded-epochs.ts';
import { BLUE, bands, type Colour, encode, GREEN, RED } from './images.ts';

/*
 * The files of runs that nobody trained, for what reads run directories.
 */

export const SETUP: RunSetup = {
  experiment: 'finetune',
  init: 'pretrained',
  weights: { source: 'tiny-imagenet-distilled', sha256: 'ab'.repeat(32), trainedOn: 'Tiny ImageNet' },
  dataset: {
    name: 'cifar10-sample',
    train: 2500,
    valid: 500,
    source: 'embedded sample',
    validation: 'test_batch.bin',
    skipped: [],
    classCounts: [
      { name: 'cat', train: 833, valid: 167 },
      { name: 'dog', train: 833, valid: 167 },
      { name: 'ship', train: 834, valid: 166 },
    ],
    leftOut: nothingLeftOut(),
    manifest: { file: 'images.csv', sha256: 'ef'.repeat(32) },
  },
  warnings: [],
  classes: ['cat', 'dog', 'ship'],
  imageSize: 155,
  batchSize: 128,
  seed: 0,
  device: 'cpu',
  hardware: 'a processor, 2 threads',
  precision: 'fp32',
  started: '2026-11-25T21:00:00.000Z',
  precisionReason: 'as asked for',
  libtorch: '2.13.0',
  processes: null,
  trainableParameters: 4_262_026,
  totalParameters: 11_215_882,
  stages: [
    {
      name: null,
      epochs: 32,
      trainableParameters: 4_262_026,
      frozen: ['backbone'],
      optimizer: 'adam',
      learningRate: 1e-3,
      schedule: 'plateau',
    },
  ],
  classWeights: null,
  monitor: null,
};

/** Epochs that learn quickly, and then too much. */
export function learningEpochs(count: number): EpochMetrics[] {
  const epochs = Array.from({ length: count }, (_, index) => ({
    epoch: index + 1,
    stage: 1,
    lr: index < count / 2 ? 1e-3 : 1e-5,
    trainLoss: 2 / (index + 1),
    trainAccuracy: 1 - 0.6 / (index + 1),
    validLoss: 1.2 + 0.3 / (index + 1) + index / 50,
    validAccuracy: 0.65 - 0.3 / (index + 1) - index / 500,
    seconds: 0.75,
  }));
  return withBest(epochs);
}

export interface RunFiles {
  /** The content of samples.json. */
  samples?: object;
  setup?: Partial<RunSetup>;
  /** Besides the defaults. */
  options?: Record<string, unknown>;
  epochs?: EpochMetrics[];
  /** Null: the run has written none. */
  results?: object | null;
  validation?: object;
}

/** A run with two folds that were right so often over all images; its own epochs, on all images, were not validated. */
export function crossValidated(seed: number, accuracy: number, loss: number): RunFiles {
  const epochs = learningEpochs(3).map((epoch) => ({
    ...epoch,
    validLoss: null,
    validAccuracy: null,
    best: true,
  }));
  const spread = (mean: number) => ({ mean, standardDeviation: 0, interval95: [mean, mean] });
  const folds = [1, 2].map((fold) => ({
    fold,
    train: 100,
    valid: 100,
    best: { epoch: 3, validAccuracy: accuracy, validLoss: loss },
    seconds: 10,
  }));
  const outOfFold = { accuracy, loss, count: 200 };
  return {
    setup: { experiment: 'train', seed, dataset: { ...SETUP.dataset, train: 200, valid: 0 } },
    options: { seed, folds: 2 },
    epochs,
    results: { folds: { accuracy: spread(accuracy), loss: spread(loss), epochs: 3, folds, outOfFold } },
  };
}

/** Writes what a run leaves behind, of eight epochs if nothing else is said. */
export function writeRun(
  directory: string,
  { setup = {}, options = {}, epochs = learningEpochs(8), results = {}, validation, samples }: RunFiles = {},
): void {
  mkdirSync(directory, { recursive: true });
  const write = (name: string, content: object) =>
    writeFileSync(join(directory, name), JSON.stringify({ formatVersion: 1, ...content }));
  const whole = { ...SETUP, ...setup };
  write('config.json', {
    ...whole,
    head: [],
    options: { ...experimentOptions.parse({}), ...options },
    versions: { 'torch-tl': '0.1.0', node: '20.0.0', libtorch: whole.libtorch },
  });
  const lines = epochs.map((epoch) => `${JSON.stringify({ formatVersion: 1, ...epoch })}\n`);
  writeFileSync(join(directory, 'epochs.jsonl'), lines.join(''));
  if (results) {
    write('results.json', {
      ...whole,
      epochs,
      best: null,
      seconds: { total: 61, features: 30, training: 31 },
      imagesPerSecond: 2580,
      stoppedBecause: 'epochs',
      resumed: [],
      ...results,
    });
  }
  if (validation) write('validation.json', validation);
  if (samples) write('samples.json', samples);
}

/** What validation.json may hold of a model of these classes, which takes many for the next one. */
export async function validationReport(classes: readonly string[], epoch = 8): Promise<ValidationReport> {
  const labels = Array.from({ length: classes.length * 20 }, (_, image) => image % classes.length);
  const logits = labels.map((label, image) => {
    const taken = (image * 7) % 4 === 0 ? (label + 1 + (image % 2)) % classes.length : label;
    return Float32Array.from(classes, (_, index) => (index === taken ? 3 : index === label ? 2 : 0));
  });
  const mistakes = classes.slice(0, 6).map((label, index) => mistake(label, classes, index));
  return {
    formatVersion: 1,
    epoch,
    evaluation: evaluation(logits, labels, classes),
    mistakes: await Promise.all(mistakes),
    labelIssues: { count: 30, shown: [await labelIssue(classes)] },
  };
}

async function mistake(label: string, classes: readonly string[], index: number): Promise<Mistake> {
  const others = classes.filter((name) => name !== label);
  return {
    source: `image ${17 + index}`,
    label,
    top: [others[0], others[1], label].map((name, place) => ({
      label: name ?? label,
      probability: [0.9, 0.07, 0.01][place] as number,
    })),
    image: await dataUri([RED, GREEN]),
    ...(index === 1 ? {} : { activation: await dataUri([RED, BLUE]) }),
  };
}

async function labelIssue([label = '', likelierLabel = '']: readonly string[]) {
  const source = 'valid/cat/7.png';
  return { source, label, likelierLabel, probability: 0.9, margin: 0.85, image: await dataUri([BLUE]) };
}

async function dataUri(colours: Colour[]): Promise<string> {
  const webp = await encode(bands(colours, 64, 64))
    .webp()
    .toBuffer();
  return `data:image/webp;base64,${webp.toString('base64')}`;
}
