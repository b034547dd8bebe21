import type { z } from 'zod';
import { runOptions } from './experiment.ts';
import { integer, learningRate } from './range.ts';
import { commandLine, described, without } from './schema.ts';
import { trainingOptions } from './training.ts';

const topic = 'Search';

/** Of a learning-rate search alone. */
export const searchFields = {
  start: learningRate().default(1e-7).register(commandLine, {
    topic,
    flags: '--start <rate>',
    description: 'the learning rate of the first step',
  }),
  end: learningRate().default(10).register(commandLine, {
    topic,
    flags: '--end <rate>',
    description: 'that of the last step, if the loss has not run away before',
  }),
  steps: integer(2, 10_000).default(100).register(commandLine, {
    topic,
    flags: '--steps <n>',
    description: 'steps, a batch each, between which the rate rises by the same factor',
  }),
};

/** What of a training a search for its learning rate goes by. */
const SEARCHED = {
  batchSize: true,
  freeze: true,
  classWeights: true,
  seed: true,
  precision: true,
  threads: true,
  kernels: true,
  featureCache: true,
  optimizer: true,
  learningRate: true,
  layerLearningRates: true,
  beta1: true,
  beta2: true,
  epsilon: true,
  momentum: true,
  nesterov: true,
  weightDecay: true,
  decayNormsAndBiases: true,
  clipNorm: true,
  labelSmoothing: true,
  augmentation: true,
} as const;

/** A search for the learning rate of a training with these options. */
export const searchOptions = rising(trainingOptions.pick(SEARCHED).extend(searchFields));

const OWN = "for one's own images by their number";
const run = runOptions.shape;

/** The same from the command line: of an experiment, or of one's own images as `train` takes them. */
export const searchRunOptions = rising(
  runOptions
    .pick({
      data: true,
      limitTrain: true,
      skipCorrupt: true,
      imageCache: true,
      resize: true,
      init: true,
      weights: true,
      device: true,
      ...SEARCHED,
    })
    .extend({
      imageSize: without(run.imageSize, `(default: ${run.imageSize.parse(undefined)}; ${OWN})`),
      augmentation: without(run.augmentation, `(default: none; ${OWN})`),
      freeze: described(run.freeze, `(default: as the experiment; ${OWN})`),
      head: described(run.head, "(default: the experiment's; for one's own images linear)"),
      ...searchFields,
    }),
);

function rising<Schema extends z.ZodType<{ start: number; end: number }>>(schema: Schema): Schema {
  return schema.refine(({ start, end }) => end > start, {
    path: ['end'],
    error: 'a learning rate above the one to start from',
  });
}
