import { z } from 'zod';
import { distributedFields } from './distributed.ts';
import { HEAD_NAMES } from './head.ts';
import { integer, limit, imageSize as size } from './range.ts';
import { RESIZES } from './resize.ts';
import { cachePlace, commandLine, flag, resizing, text, without } from './schema.ts';
import { batchSize, kernels, precision, threads, trainingOptions } from './training.ts';

const data = text('auto, sample, a directory or a list').default('auto').register(commandLine, {
  topic: 'Data',
  flags: '--data <auto|sample|dir|list>',
  description: 'images to train and validate with',
});

/** `data` without a default, for commands that must not use the sample unless asked to. */
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

/** The default weights of a pretrained backbone. */
export const DEFAULT_WEIGHTS = 'tiny-imagenet-distilled';

const weights = text("a name or a file's path").optional().register(commandLine, {
  topic: 'Model',
  flags: '--weights <name|file|run>',
  description:
    "weights of a pretrained backbone: a name from the catalogue, a .safetensors or .pth file, or a run's directory",
});

const device = z
  .string({ error: 'auto, cpu, cuda or cuda:N' })
  .regex(/^(auto|cpu|cuda|cuda:\d+)$/, { error: 'auto, cpu, cuda or cuda:N' })
  .default('auto')
  .register(commandLine, {
    topic: 'Model',
    flags: '--device <name>',
    description: 'device to compute on: auto, cpu, cuda or cuda:N',
  });

/** Options of one of the paper's experiments. */
export const experimentOptions = z.strictObject({
  data,
  limitTrain: limit().optional().register(commandLine, {
    topic: 'Data',
    flags: '--limit-train <n>',
    description: 'maximum number of training images, balanced across classes',
  }),
  limitValid: limit().optional().register(commandLine, {
    topic: 'Data',
    flags: '--limit-valid <n>',
    description: 'maximum number of validation images, balanced across classes',
  }),
  valid: z.enum(['auto', 'none'], { error: 'auto or none' }).default('auto').register(commandLine, {
    topic: 'Data',
    flags: '--valid <auto|none>',
    description:
      "validation: auto (the data's own validation images, else a fifth of each class) or none (nothing is held out and nothing validated; the last epoch is kept, and early stopping and the schedule plateau are off)",
  }),
  skipCorrupt: flag().default(false).register(commandLine, {
    topic: 'Data',
    flags: '--skip-corrupt',
    description: 'skip images of a folder or list that cannot be decoded; results.json lists them',
  }),
  imageCache: cachePlace()
    .default(true)
    .register(commandLine, {
      topic: 'Data',
      flags: '--image-cache <dir>',
      description: 'directory for the decoded images of a folder or list, instead of the cache directory',
      off: { flags: '--no-image-cache', description: 'decode images into memory and store none' },
    }),
  init: z.enum(['pretrained', 'random'], { error: 'pretrained or random' }).optional().register(commandLine, {
    topic: 'Model',
    flags: '--init <pretrained|random>',
    description: "initial weights of the backbone (default: as in the experiment's paper)",
  }),
  weights,
  imageSize,
  ...trainingOptions.shape,
  device,
  calibrate: flag().default(false).register(commandLine, {
    topic: 'Output',
    flags: '--calibrate',
    description:
      "make the best model's probabilities agree with its accuracy: divide its logits by a temperature that is fitted to the validation images",
  }),
  out: text('a directory').optional().register(commandLine, {
    topic: 'Output',
    flags: '--out <dir>',
    description: 'new or empty directory for the run (default: a new one under runs/)',
  }),
  tensorboard: flag().default(false).register(commandLine, {
    topic: 'Output',
    flags: '--tensorboard',
    description: "also write the epochs as TensorBoard events, in the run's directory",
  }),
});

/** Number of folds of a cross-validation. */
export const folds = () => integer(2, 100);

/** Options of any run. An experiment sets its own head, and CIFAR-10 needs no resizing to squares. */
export const runOptions = experimentOptions.extend({
  head: z
    .enum(HEAD_NAMES, { error: HEAD_NAMES.join(', ') })
    .optional()
    .register(commandLine, {
      topic: 'Model',
      flags: '--head <name>',
      description: `layers after the backbone: ${HEAD_NAMES.join(', ')} (default: linear)`,
    }),
  resize: resizing()
    .optional()
    .register(commandLine, {
      topic: 'Data',
      flags: '--resize <name>',
      description: `how images are made square: ${RESIZES.join(', ')} (default: cover)`,
    }),
  folds: folds().optional().register(commandLine, {
    topic: 'Training',
    flags: '--folds <k>',
    description:
      'cross-validate: train k times, each time validated on another fold, then once on all images; needs images without a validation part',
  }),
  /** Number of the fold that a run of a cross-validation is for; config.json says it. */
  fold: integer(1, 100).optional(),
});

export type RunOptions = z.output<typeof runOptions>;

/** An option's flag on the command line, such as `--lr`; undefined if it has none. */
export function flagOf(name: string): string | undefined {
  const type = (runOptions.shape as Record<string, z.ZodType>)[name];
  return type && commandLine.get(type)?.flags.split(' ')[0];
}

const BY_COUNT = '(default: chosen by the number of images)';

/** Options of a run with the user's own images, whose number determines several defaults. */
export const trainOptions = runOptions.omit({ init: true, fold: true }).extend({
  data: text('a directory or a list').optional().register(commandLine, {
    topic: 'Data',
    flags: '--data <dir|list>',
    description:
      'the images: folders, <class>/* or train/<class>/* and valid/<class>/*; or a .csv or .jsonl list of paths and labels; the first argument names them too',
  }),
  imageSize: without(imageSize, BY_COUNT),
  epochs: without(trainingOptions.shape.epochs, BY_COUNT),
  recipe: without(trainingOptions.shape.recipe, BY_COUNT),
  schedule: without(trainingOptions.shape.schedule, '(default: cosine, unless the recipe sets one)'),
  augmentation: without(trainingOptions.shape.augmentation, BY_COUNT),
});

/** How often the same run is trained. */
export const seedsOptions = z.strictObject({
  seeds: integer(2, 1000).optional().register(commandLine, {
    topic: 'Training',
    flags: '--seeds <n>',
    description:
      'number of runs that differ in the seed alone: --seed, the one after it, and so on; shows their mean and spread',
  }),
});

/** Options of `torch-tl features`. */
export const featuresOptions = z.strictObject({
  data: images,
  skipCorrupt: flag().default(false).register(commandLine, {
    topic: 'Data',
    flags: '--skip-corrupt',
    description: 'skip images that cannot be decoded, and name them on stderr',
  }),
  weights,
  imageSize,
  batchSize,
  device,
  precision,
  threads,
  kernels,
  ...distributedFields,
  out: text("a file's path").register(commandLine, {
    topic: 'Output',
    flags: '--out <file.safetensors>',
    description: 'output file',
  }),
});
