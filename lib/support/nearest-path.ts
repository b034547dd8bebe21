import { access, readdir } from 'node:fs/promises';
import { isAbsolute, join, parse, relative, resolve, sep } from 'node:path';
import { nearest } from './nearest.ts';

/**
 * The existing path that a missing one probably meant: each missing part is replaced by the most similar name in its
 * directory. The result is relative to the working directory if it lies in it or `path` is relative, else absolute;
 * undefined if no name is similar.
 */
export async function nearestPath(path: string): Promise<string | undefined> {
  const absolute = resolve(path);
  const { root } = parse(absolute);
  let found = root;
  for (const part of absolute.slice(root.length).split(sep).filter(Boolean)) {
    const name = (await exists(join(found, part))) ? part : nearest(part, await namesIn(found));
    if (name === undefined) return undefined;
    found = join(found, name);
  }
  return isAbsolute(path) ? shortPath(found) : relative('.', found) || '.';
}

/** A path relative to the working directory if it lies in it, else absolute. */
export function shortPath(path: string): string {
  const near = relative('.', path) || '.';
  return near.startsWith('..') || isAbsolute(near) ? resolve(path) : near;
}

/** The end of a message about a missing path, ` Did you mean 'runs/base'?`, or an empty string. */
export async function pathHint(path: string): Promise<string> {
  const meant = await nearestPath(path);
  return meant === undefined ? '' : ` Did you mean '${meant}'?`;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
