import type { z } from 'zod';
import { runOptions } from './experiment.ts';
import { integer, learningRate } from './range.ts';
import { commandLine, described, without } from './schema.ts';
import { trainingOptions } from './training.ts';

const topic = 'Search';

/** Options that only a learning-rate search has. */
export const searchFields = {
  start: learningRate().default(1e-7).register(commandLine, {
    topic,
    flags: '--start <rate>',
    description: 'learning rate of the first step',
  }),
  end: learningRate().default(10).register(commandLine, {
    topic,
    flags: '--end <rate>',
    description: 'learning rate of the last step; the search stops earlier if the loss diverges',
  }),
  steps: integer(2, 10_000).default(100).register(commandLine, {
    topic,
    flags: '--steps <n>',
    description:
      'number of steps of one batch each; the learning rate grows by the same factor from step to step',
  }),
};

/** The training options that a learning-rate search uses. */
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
  distributed: true,
  joinTimeout: true,
  collectiveTimeout: true,
} as const;

/** Options of a search for the learning rate of a training. */
export const searchOptions = rising(trainingOptions.pick(SEARCHED).extend(searchFields));

const OWN = 'for your own images, chosen by their number';
const run = runOptions.shape;

/** Options of `torch-tl lr-find`, for an experiment or for the user's own images, as `train` accepts them. */
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
      freeze: described(run.freeze, `(default: as in the experiment; ${OWN})`),
      head: described(run.head, '(default: as in the experiment; for your own images, linear)'),
      ...searchFields,
    }),
);

function rising<Schema extends z.ZodType<{ start: number; end: number }>>(schema: Schema): Schema {
  return schema.refine(({ start, end }) => end > start, {
    path: ['end'],
    error: 'a learning rate greater than the first one',
  });
}
