import { z } from 'zod';
import { featuresOptions, runOptions } from './experiment.ts';
import { imageSize, seed } from './range.ts';
import { commandLine, text } from './schema.ts';

const { data, weights, device, threads, kernels } = featuresOptions.shape;
const { resize, imageCache } = runOptions.shape;

/** Options of `torch-tl data check`. The defaults are those of `torch-tl train`, which finds the decoded images again. */
export const dataCheckRunOptions = z.strictObject({
  data,
  imageSize: imageSize().default(128).register(commandLine, {
    topic: 'Data',
    flags: '--image-size <n>',
    description: 'side in pixels at which images are compared',
  }),
  resize,
  imageCache,
  seed: seed().default(0).register(commandLine, {
    topic: 'Data',
    flags: '--seed <n>',
    description: 'seed for choosing the validation images if the data has none',
  }),
  weights,
  device,
  threads,
  kernels,
  report: text("a file's path").optional().register(commandLine, {
    topic: 'Output',
    flags: '--report <file.html>',
    description: 'also write a page that shows twins side by side',
  }),
});
