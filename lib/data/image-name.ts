import { dirname, relative } from 'node:path';

/**
 * The name of an image for people: the path of its file, relative to the folder or list that it comes from; for other
 * data its number, counted from 1.
 */
export function imageNameIn(
  data: { source: string; fileOf(index: number): string | undefined },
  index: number,
): string {
  const file = data.fileOf(index);
  if (file === undefined) return `image ${index + 1}`;
  const path = relative(data.source, file);
  return path.startsWith('..') ? relative(dirname(data.source), file) : path;
}
