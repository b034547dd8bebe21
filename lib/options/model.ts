import { z } from 'zod';
import { invalidArgument } from '../errors.ts';
import { classNames } from './class-names.ts';
import type { CreateDocs, LoadDocs } from './docs.ts';
import { HEAD_NAMES, type HeadLayer, type HeadName, headLayers } from './head.ts';
import { abortSignal, DEFAULT_WEIGHTS, experimentOptions, resizing } from './index.ts';

/*
 * What a model is made or loaded with. The options of what it does stand where that is done.
 */

export const createOptions = experimentOptions.pick({ imageSize: true, seed: true, device: true }).extend({
  weights: z
    .string({ error: "a name, a file's path or null" })
    .nullable()
    .default(DEFAULT_WEIGHTS)
    .describe(
      'what the backbone starts from: a name of the catalogue, a .safetensors or .pth file, or null to draw it',
    ),
  head: z
    .custom<HeadName | readonly HeadLayer[]>()
    .transform(headLayers)
    .describe(`the layers after the backbone: ${HEAD_NAMES.join(', ')}, or a list of layers`),
  classes: classNames.readonly().describe('the names of the classes, in the order of their labels'),
  resize: resizing().default('cover').describe('how images are made square: `resize` of the training data'),
  signal: abortSignal.describe('stops the reading of the weights'),
});

export const loadOptions = experimentOptions.pick({ device: true }).extend({
  signal: abortSignal.describe('stops the reading of the file'),
});

export type CreateOptions = z.input<typeof createOptions> & CreateDocs;
export type LoadOptions = z.input<typeof loadOptions> & LoadDocs;

/** @throws InputError `INVALID_ARGUMENT` */
export function requirePath(path: unknown): void {
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', "a file's path", path);
}
