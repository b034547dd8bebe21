import { z } from 'zod';
import { repeatedNames } from '../support/names.ts';

const error = 'a list of at least 2 names, each of them once';

/** A model's classes, whether given or read from a file. */
export const classNames = z
  .array(z.string({ error: 'a name' }), { error })
  .min(2, { error })
  .refine((classes) => repeatedNames(classes).length === 0, { error });
