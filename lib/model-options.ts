import { z } from 'zod';
import { invalidArgument } from './errors.ts';
import { type HeadLayer, type HeadName, headLayers } from './head.ts';
import { repeatedNames } from './names.ts';
import { abortSignal, experimentOptions, resizing } from './options.ts';
import { DEFAULT_WEIGHTS } from './weights/catalogue.ts';

/*
 * What a model is made or loaded with. The options of what it does stand where that is done.
 */

const classNames = 'a list of at least 2 names, each of them once';

export const createOptions = experimentOptions.pick({ imageSize: true, seed: true, device: true }).extend({
  weights: z.string({ error: "a name, a file's path or null" }).nullable().default(DEFAULT_WEIGHTS),
  head: z.custom<HeadName | readonly HeadLayer[]>().transform(headLayers),
  classes: z
    .array(z.string({ error: 'a name' }), { error: classNames })
    .min(2, { error: classNames })
    .refine((classes) => repeatedNames(classes).length === 0, { error: classNames })
    .readonly(),
  /** How pictures are made square: `resize` of the training data. */
  resize: resizing().default('cover'),
  /** Stops the reading of the weights. */
  signal: abortSignal,
});

export const loadOptions = experimentOptions.pick({ device: true }).extend({
  /** Stops the reading of the file. */
  signal: abortSignal,
});

export type CreateOptions = z.input<typeof createOptions>;
export type LoadOptions = z.input<typeof loadOptions>;

/** @throws InputError `INVALID_ARGUMENT` */
export function requirePath(path: unknown): void {
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', "a file's path", path);
}
