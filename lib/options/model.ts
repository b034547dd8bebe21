import { resolve } from 'node:path';
import { z } from 'zod';
import { invalidArgument } from '../errors.ts';
import { repeatedNames } from '../support/names.ts';
import type { CreateDocs, LoadDocs } from './docs.ts';
import { HEAD_NAMES, type HeadLayer, type HeadName, headLayers } from './head.ts';
import { abortSignal, DEFAULT_WEIGHTS, experimentOptions, resizing } from './index.ts';

/*
 * Options for creating and loading a model. The options of its methods are declared with the methods.
 */

const names = 'a list of at least 2 distinct names';

/** The names of a model's classes, given by the user or read from a file. */
export const classNames = z
  .array(z.string({ error: 'a name' }), { error: names })
  .min(2, { error: names })
  .refine((classes) => repeatedNames(classes).length === 0, { error: names });

export const createOptions = experimentOptions.pick({ imageSize: true, seed: true, device: true }).extend({
  weights: z
    .string({ error: "a name, a file's path or null" })
    .nullable()
    .default(DEFAULT_WEIGHTS)
    .describe(
      'weights of the backbone: a name from the catalogue, a .safetensors or .pth file, or null for random weights',
    ),
  head: z
    .custom<HeadName | readonly HeadLayer[]>()
    .transform(headLayers)
    .describe(`layers after the backbone: ${HEAD_NAMES.join(', ')}, or a list of layers`),
  classes: classNames.readonly().describe('names of the classes, in the order of their labels'),
  resize: resizing()
    .default('cover')
    .describe('how images are made square: the `resize` of the training data'),
  signal: abortSignal.describe('stops reading the weights'),
});

export const loadOptions = experimentOptions.pick({ device: true }).extend({
  signal: abortSignal.describe('stops reading the file'),
});

export type CreateOptions = z.input<typeof createOptions> & CreateDocs;
export type LoadOptions = z.input<typeof loadOptions> & LoadDocs;

/** @throws InputError `INVALID_ARGUMENT` */
export function requirePath(path: unknown): asserts path is string {
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', "a file's path", path);
}

/**
 * A path as it is now: the program may change its working directory before a file is written.
 *
 * @throws InputError `INVALID_ARGUMENT`
 */
export function absolutePath(path: unknown): string {
  requirePath(path);
  return resolve(path);
}
