import { z } from 'zod';
import { distributedFields } from './distributed.ts';
import { featuresOptions } from './experiment.ts';
import { integer, number } from './range.ts';
import { commandLine, text } from './schema.ts';

const { data, skipCorrupt, batchSize, device, precision, threads, kernels } = featuresOptions.shape;

/** Options that `predict` and `evaluate` share: the trained model and how it computes. */
const trained = {
  weights: text("a file's path").register(commandLine, {
    topic: 'Model',
    flags: '--weights <file|run>',
    description: "the trained model: a run's directory, its best.safetensors, or a file written by `save`",
  }),
  batchSize,
  device,
  precision,
  threads,
  kernels,
};

/** Options of `torch-tl predict`. */
export const predictRunOptions = z.strictObject({
  ...trained,
  topK: integer(1).default(3).register(commandLine, {
    topic: 'Output',
    flags: '--top-k <n>',
    description: 'number of most probable classes to print; with --json it adds them as `top`',
  }),
  copyTo: text('a directory').optional().register(commandLine, {
    topic: 'Output',
    flags: '--copy-to <dir>',
    description:
      'directory to copy the images to, each to the folder of its class; nothing there is overwritten: a copy whose name is taken gets a number, unless that is the same image; images that cannot be decoded are named and left out',
  }),
  threshold: number(0, 1).optional().register(commandLine, {
    topic: 'Output',
    flags: '--threshold <probability>',
    description:
      'with --copy-to: least probability of the likeliest class; less probable images are copied to the folder unsure',
  }),
  skipCorrupt,
});

/** Options of `torch-tl evaluate`. */
export const evaluateRunOptions = z.strictObject({ data, skipCorrupt, ...trained, ...distributedFields });
