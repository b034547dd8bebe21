import { z } from 'zod';
import { HEAD_NAMES } from './head.ts';
import { limit, imageSize as size } from './range.ts';
import { RESIZES } from './resize.ts';
import { commandLine, flag, imageCache, resizing, text, without } from './schema.ts';
import { batchSize, kernels, precision, threads, trainingOptions } from './training.ts';

const data = text('auto, sample, a directory or a list').default('auto').register(commandLine, {
  topic: 'Data',
  flags: '--data <auto|sample|dir|list>',
  description: 'the images',
});

/** Of commands that must be told, so that none works on the sample unasked. */
const images = text('auto, sample, a directory or a list').optional().register(commandLine, {
  topic: 'Data',
  flags: '--data <auto|sample|dir|list>',
  description: 'the images; the first argument names them too',
});

const imageSize = size().default(155).register(commandLine, {
  topic: 'Data',
  flags: '--image-size <n>',
  description: 'side of the images in pixels',
});

/** What a pretrained backbone starts from where the user names nothing. */
export const DEFAULT_WEIGHTS = 'tiny-imagenet';

const weights = text("a name or a file's path").optional().register(commandLine, {
  topic: 'Model',
  flags: '--weights <name|file|run>',
  description:
    "what a pretrained backbone starts from: a name of the catalogue, a .safetensors or .pth file, or a run's directory",
});

const device = z
  .string({ error: 'auto, cpu, cuda or cuda:N' })
  .regex(/^(auto|cpu|cuda|cuda:\d+)$/, { error: 'auto, cpu, cuda or cuda:N' })
  .default('auto')
  .register(commandLine, {
    topic: 'Model',
    flags: '--device <name>',
    description: 'auto, cpu, cuda or cuda:N',
  });

/** One of the paper's experiments: where it starts, on what, how it trains, where it writes. */
export const experimentOptions = z.strictObject({
  data,
  limitTrain: limit().optional().register(commandLine, {
    topic: 'Data',
    flags: '--limit-train <n>',
    description: 'use so many training images, spread evenly over the classes',
  }),
  limitValid: limit().optional().register(commandLine, {
    topic: 'Data',
    flags: '--limit-valid <n>',
    description: 'use so many validation images, spread evenly over the classes',
  }),
  skipCorrupt: flag().default(false).register(commandLine, {
    topic: 'Data',
    flags: '--skip-corrupt',
    description: 'leave out the images of a folder or list that cannot be decoded; results.json lists them',
  }),
  imageCache: imageCache()
    .default(true)
    .register(commandLine, {
      topic: 'Data',
      flags: '--image-cache <dir>',
      description: 'keep the decoded images of a folder or list there, instead of in the cache directory',
      off: { flags: '--no-image-cache', description: 'decode images into memory, and keep none' },
    }),
  init: z.enum(['pretrained', 'random'], { error: 'pretrained or random' }).optional().register(commandLine, {
    topic: 'Model',
    flags: '--init <pretrained|random>',
    description: "what the backbone starts from; by default as the experiment's paper",
  }),
  weights,
  imageSize,
  ...trainingOptions.shape,
  device,
  out: text('a directory').optional().register(commandLine, {
    topic: 'Output',
    flags: '--out <dir>',
    description: 'a new or empty directory for the run; by default a new one under runs/',
  }),
  tensorboard: flag().default(false).register(commandLine, {
    topic: 'Output',
    flags: '--tensorboard',
    description: "write the epochs as events for TensorBoard too, in the run's directory",
  }),
});

/** Of any run: an experiment's have their head, and CIFAR-10's images are square. */
export const runOptions = experimentOptions.extend({
  head: z
    .enum(HEAD_NAMES, { error: HEAD_NAMES.join(', ') })
    .optional()
    .register(commandLine, {
      topic: 'Model',
      flags: '--head <name>',
      description: `the layers after the backbone: ${HEAD_NAMES.join(', ')} (default: linear)`,
    }),
  resize: resizing()
    .optional()
    .register(commandLine, {
      topic: 'Data',
      flags: '--resize <name>',
      description: `how images are made square: ${RESIZES.join(', ')} (default: cover)`,
    }),
});

export type RunOptions = z.output<typeof runOptions>;

/** An option's flag on the command line, such as `--lr`; undefined where it has none. */
export function flagOf(name: string): string | undefined {
  const type = (runOptions.shape as Record<string, z.ZodType>)[name];
  return type && commandLine.get(type)?.flags.split(' ')[0];
}

const BY_COUNT = '(default: by the number of images)';

/** Of a run with the user's own images; what has no default here is chosen by their number. */
export const trainOptions = runOptions.omit({ init: true }).extend({
  data: text('a directory or a list').optional().register(commandLine, {
    topic: 'Data',
    flags: '--data <dir|list>',
    description:
      'the images, which the first argument names too: folders, <class>/* or train/<class>/* and valid/<class>/*; or a .csv or .jsonl list of path and label',
  }),
  imageSize: without(imageSize, BY_COUNT),
  epochs: without(trainingOptions.shape.epochs, BY_COUNT),
  recipe: without(trainingOptions.shape.recipe, BY_COUNT),
  schedule: without(trainingOptions.shape.schedule, '(default: cosine, where the recipe sets none)'),
  augmentation: without(trainingOptions.shape.augmentation, BY_COUNT),
});

/** The features of images, from the command line to a file. */
export const featuresOptions = z.strictObject({
  data: images,
  skipCorrupt: flag().default(false).register(commandLine, {
    topic: 'Data',
    flags: '--skip-corrupt',
    description: 'leave out the images that cannot be decoded, and name them on stderr',
  }),
  weights,
  imageSize,
  batchSize,
  device,
  precision,
  threads,
  kernels,
  out: text("a file's path").register(commandLine, {
    topic: 'Output',
    flags: '--out <file.safetensors>',
    description: 'the file to write',
  }),
});
