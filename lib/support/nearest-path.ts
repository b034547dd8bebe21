import { access, readdir } from 'node:fs/promises';
import { isAbsolute, join, parse, relative, resolve, sep } from 'node:path';
import { nearest } from './nearest.ts';

/**
 * What was most likely meant by a path that leads nowhere: every part of it that is not there stands for the nearest
 * name that is. Absolute as the path is, or relative to the working directory; undefined where nothing is near.
 */
export async function nearestPath(path: string): Promise<string | undefined> {
  const absolute = resolve(path);
  const { root } = parse(absolute);
  let found = root;
  for (const part of absolute.slice(root.length).split(sep).filter(Boolean)) {
    const name = (await isThere(join(found, part))) ? part : nearest(part, await namesIn(found));
    if (name === undefined) return undefined;
    found = join(found, name);
  }
  return isAbsolute(path) ? found : relative('.', found) || '.';
}

/** The end of a message about a path that leads nowhere: ` Did you mean runs/base?`, or nothing. */
export async function pathHint(path: string): Promise<string> {
  const meant = await nearestPath(path);
  return meant === undefined ? '' : ` Did you mean '${meant}'?`;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
