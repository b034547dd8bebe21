import { z } from 'zod';
import { distributedFields } from './distributed.ts';
import { featuresOptions } from './experiment.ts';
import { integer } from './range.ts';
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
    description: 'number of most probable classes to print',
  }),
  skipCorrupt,
});

/** Options of `torch-tl evaluate`. */
export const evaluateRunOptions = z.strictObject({ data, skipCorrupt, ...trained, ...distributedFields });
