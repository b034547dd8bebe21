import { z } from 'zod';
import { augmentation } from './augmentation.ts';
import { distributedFields } from './distributed.ts';
import type { TrainingDocs } from './docs.ts';
import { pairsFromText } from './from-text.ts';
import { gradientFields, optimizerFields } from './optimizer.ts';
import {
  below1,
  between0And1,
  classWeight,
  integer,
  orOff,
  seed as seedRange,
  threads as threadsRange,
} from './range.ts';
import { recipeFromText } from './recipe-file.ts';
import { scheduleFields } from './schedule.ts';
import { cachePlace, commandLine } from './schema.ts';
import { epochs, freeze, RECIPE_NAMES, stageOptions } from './stage.ts';

const topic = 'Training';
const recipe = `${RECIPE_NAMES.join(', ')} or a list of stages`;

/** Names of validation figures that can be monitored. */
export const MONITORS = ['loss', 'accuracy', 'balanced-accuracy', 'macro-f1'] as const;
export type Monitor = (typeof MONITORS)[number];
const monitors = 'loss, accuracy, balanced-accuracy or macro-f1';
const classWeights = 'balanced, or a weight for each named class';

export const seed = seedRange().default(0).register(commandLine, {
  topic,
  flags: '--seed <n>',
  description: 'seed of the initial weights, the order of the images, augmentation and dropout',
});

export const precision = z
  .enum(['auto', 'fp32', 'bf16'], { error: 'auto, fp32 or bf16' })
  .default('auto')
  .register(commandLine, {
    topic,
    flags: '--precision <name>',
    description: 'precision to compute in: auto, fp32 or bf16',
  });

export const threads = threadsRange().optional().register(commandLine, {
  topic,
  flags: '--threads <n>',
  description: 'number of CPU threads (default: one per core)',
});

export const kernels = z
  .enum(['auto', 'libtorch'], { error: 'auto or libtorch' })
  .default('auto')
  .register(commandLine, {
    topic,
    flags: '--kernels <name>',
    description:
      "kernels: auto (the engine's own where the processor supports them) or libtorch (only LibTorch's operators, for comparison)",
  });

export const batchSize = integer(2)
  .default(128)
  .register(commandLine, { topic, flags: '--batch-size <n>', description: 'number of images per batch' });

/** Options of a training. */
export const trainingOptions = z.strictObject({
  batchSize,
  epochs,
  recipe: z
    .union([z.enum(RECIPE_NAMES), z.array(stageOptions).min(1, { error: recipe }).readonly()], {
      error: recipe,
    })
    .optional()
    .register(commandLine, {
      topic,
      flags: '--recipe <name|file>',
      description: `stages of the training: ${RECIPE_NAMES.join(', ')} or a JSON file of stages`,
      read: recipeFromText,
    }),
  freeze,
  classWeights: z
    .union([z.literal('balanced'), z.record(z.string(), classWeight())], { error: classWeights })
    .optional()
    .register(commandLine, {
      topic,
      flags: '--class-weights <balanced|class=weight,...>',
      description:
        "weight of each class in the loss: balanced gives rarer classes more weight; classes without a weight have 1; mean losses divide by the sum of the images' weights, which mixup and cutmix mix like the images",
      read: pairsFromText,
    }),
  monitor: z
    .enum(MONITORS, { error: monitors })
    .optional()
    .register(commandLine, {
      topic,
      flags: '--monitor <name>',
      description: `validation figure that decides the best epoch, early stopping and the schedule plateau: ${monitors} (default: accuracy for the best epoch, loss for the others)`,
    }),
  seed,
  precision,
  threads,
  kernels,
  featureCache: cachePlace()
    .default(true)
    .register(commandLine, {
      topic,
      flags: '--feature-cache <dir>',
      description:
        'directory to keep the features of a frozen backbone in, for later trainings, instead of the cache directory',
      off: {
        flags: '--no-feature-cache',
        description: 'compute the features of a frozen backbone again in every epoch',
      },
    }),
  checkpointMinutes: orOff({ min: 1e-6, max: 1_000_000, whole: false }).default(10).register(commandLine, {
    topic,
    flags: '--checkpoint-minutes <n|off>',
    description: 'minutes between checkpoints of a run',
  }),
  ...optimizerFields,
  ...gradientFields,
  ...scheduleFields,
  labelSmoothing: below1().default(0).register(commandLine, {
    topic: 'Regularisation',
    flags: '--label-smoothing <fraction>',
    description: 'fraction of the target that is spread evenly over all classes',
  }),
  emaDecay: between0And1().optional().register(commandLine, {
    topic: 'Regularisation',
    flags: '--ema-decay <factor>',
    description:
      'decay factor per step of a moving average of the weights, which is then validated and saved',
  }),
  augmentation,
  ...distributedFields,
});

export type TrainingOptions = z.output<typeof trainingOptions> & TrainingDocs;
