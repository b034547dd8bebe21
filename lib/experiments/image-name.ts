import { dirname, relative } from 'node:path';
import type { Dataset } from '../data/dataset.ts';

/**
 * Path of an image's file, relative to the folder or list that it comes from; for other data its number.
 *
 * @param set what the images are called, such as `validation set`
 */
export function nameOf(data: Dataset, index: number, set = 'validation set'): string {
  const file = data.fileOf(index);
  if (file === undefined) return `image ${index + 1} of the ${set}`;
  const path = relative(data.source, file);
  return path.startsWith('..') ? relative(dirname(data.source), file) : path;
}
