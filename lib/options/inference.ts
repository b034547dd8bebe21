import { z } from 'zod';
import { featuresOptions } from './experiment.ts';
import { integer } from './range.ts';
import { commandLine, text } from './schema.ts';

const { data, skipCorrupt, batchSize, device, precision, threads, kernels } = featuresOptions.shape;

/** What `predict` and `evaluate` share: a trained model, and how it runs. */
const trained = {
  weights: text("a file's path").register(commandLine, {
    topic: 'Model',
    flags: '--weights <file|run>',
    description: "the trained model: a run's directory or its best.safetensors, or what `save` wrote",
  }),
  batchSize,
  device,
  precision,
  threads,
  kernels,
};

/** A trained model's answers for images, from the command line. */
export const predictRunOptions = z.strictObject({
  ...trained,
  topK: integer(1).default(3).register(commandLine, {
    topic: 'Output',
    flags: '--top-k <n>',
    description: 'how many of the likeliest classes to print',
  }),
  skipCorrupt,
});

/** How well a trained model does on labelled images, from the command line. */
export const evaluateRunOptions = z.strictObject({ data, skipCorrupt, ...trained });
